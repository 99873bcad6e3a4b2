"""The feed-forward layer whose activation is evolved, and its blending from one to another.

Ungated: `w_out(f(w_in(x)))`. Gated: `w_out(f(w_in(x)) * w_up(x))`, narrower so that both have
the same parameters within 1 % where the sizes allow it. While a new activation is blended in by
t from 0 to 1, f is `(1-t) f_old + t f_new`, and a factor u of the up path that appears is
`(1-t) + t u`, one that vanishes `(1-t) u + t`: t = 1 is exactly the new layer. A learnable
activation is a curve of the layer; during a morph the curve that is being left trains on.

Shapes: B sequences, T positions, D model width, W inner width.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from state.genome import initial_expression, is_gated, learnable
from state.genome.formatting import format_expression
from state.genome.learnable import LEARNED
from state.records import Genome
from trainer.activations import Activation, Curve, activation, gated
from trainer.backbones.empty import Linear
from trainer.config import ModelConfig
from trainer.widths import inner_width

UpPath = Literal["kept", "appears", "vanishes"]


@dataclass
class Morph:
    """A change of activation under way."""

    previous: Activation | None
    """The old function; None where only the up path changes."""
    up_path: UpPath
    t: float = 0.0


class FeedForward(nn.Module):
    """One feed-forward layer; `w_up` is None where the activation has no gate."""

    def __init__(self, config: ModelConfig, genome: Genome) -> None:
        super().__init__()
        width, bias = inner_width(config, genome), config.recipe == "classic"
        self.curves = nn.ModuleDict()
        self.curve_name = curve_name(genome)
        self.activation = self.function(genome, width)
        self.w_in = Linear(config.dim, width, bias=bias)
        self.w_up = Linear(config.dim, width, bias=bias) if is_gated(genome) else None
        self.w_out = Linear(width, config.dim, bias=bias)
        self.morph: Morph | None = None

    def function(self, genome: Genome, width: int) -> Activation:
        """The activation of a genome; of a learnable one its curve, made where there is none."""
        name = curve_name(genome)
        if name is None:
            return activation(genome)
        if name not in self.curves:
            self.curves[name] = Curve(genome, width)
        # The method and not the curve, whose parameters would have two names.
        return self.curves[name].forward

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Output of the layer, residual not included."""
        a_BTW = self.w_in(x_BTD)
        u_BTW = None if self.w_up is None else self.w_up(x_BTD)
        out_BTD: Tensor = self.w_out(self.hidden(a_BTW, u_BTW))
        return out_BTD

    def hidden(self, a_BTW: Tensor, u_BTW: Tensor | None) -> Tensor:
        """What enters `w_out`, from what `w_in` and `w_up` gave."""
        if u_BTW is None:
            return self.activate(a_BTW)
        if self.morph is None:
            return gated(self.activation, a_BTW, u_BTW)
        return self.activate(a_BTW) * self.blend_up(u_BTW)

    def activate(self, a_BTW: Tensor) -> Tensor:
        """The activation, blended with the previous one during a morph."""
        new_BTW = self.activation(a_BTW)
        if self.morph is None or self.morph.previous is None:
            return new_BTW
        return torch.lerp(self.morph.previous(a_BTW), new_BTW, self.morph.t)

    def blend_up(self, u_BTW: Tensor) -> Tensor:
        """The factor of the up path, blended with 1 where it appears or vanishes."""
        if self.morph is None or self.morph.up_path == "kept":
            return u_BTW
        weight = self.morph.t if self.morph.up_path == "appears" else 1 - self.morph.t
        return weight * u_BTW + (1 - weight)

    def begin_morph(self, previous: Genome, current: Genome) -> None:
        """Start at t = 0; a gate that vanishes gets its up path back for the time being."""
        was_gated, gated = is_gated(previous), is_gated(current)
        up_path: UpPath = "kept" if was_gated == gated else "appears" if gated else "vanishes"
        if up_path == "vanishes":
            has_bias = self.w_in.bias is not None
            self.w_up = Linear(self.w_in.in_features, self.w_in.out_features, bias=has_bias)
        function = None
        if differ_in_function(previous, current):
            function = self.function(previous, self.w_in.out_features)
        self.morph = Morph(function, up_path)

    def finish_morph(self) -> None:
        """Become exactly the new layer."""
        if self.morph is not None and self.morph.up_path == "vanishes":
            self.w_up = None
        for name in set(self.curves) - {self.curve_name}:
            del self.curves[name]
        self.morph = None


def differ_in_function(one: Genome, other: Genome) -> bool:
    """Whether more than the gate differs. A trained curve is not the formula it started as."""
    return (learnable(one), initial_expression(one)) != (
        learnable(other),
        initial_expression(other),
    )


def curve_name(genome: Genome) -> str | None:
    """Under which name the curve of a genome is stored, gated or not; None for a plain genome."""
    kind = learnable(genome)
    if kind is None or kind != LEARNED:
        return kind
    graph = format_expression(initial_expression(genome))
    return f"{LEARNED}_{hashlib.sha256(graph.encode()).hexdigest()[:12]}"
