"""The optimizer of a model: which parameters Muon moves, which AdamW, and their state as tensors.

Hidden matrices (the weights inside blocks) are the only parameters that decay; decays, bonuses,
gates, convolutions and norms of recurrent components do not. Moments are named
by kind and parameter, so that a checkpoint holds them flat and a change of activation can move
them with their neurons.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import Parameter

from trainer.adamw import AdamW, Group
from trainer.backbones.gpt import GPT
from trainer.config import OptimizerConfig
from trainer.instruments.gradient_norms import component_of
from trainer.muon import Muon

Moments: TypeAlias = dict[str, dict[str, Tensor]]
"""Kind (`momentum`, `exp_avg`, `exp_avg_sq`, `step`) to parameter name to tensor."""

ADAMW_KINDS = ("exp_avg", "exp_avg_sq", "step")

MAPS = (
    *(f"rwkv6.{one}" for one in ("mix_down", "mix_up", "decay_down", "decay_up")),
    *("mamba2.step", "fusion.gate", "leaving.gate"),
)
"""Of recurrent blocks, what is a matrix to its inputs and yet not moved by Muon."""


def is_hidden_matrix(name: str, parameter: Parameter) -> bool:
    """A weight matrix inside a block: neither embedding, head, norm, bias nor a trained curve."""
    return name.startswith("blocks.") and name.endswith(".weight") and parameter.ndim == 2


def num_fused(name: str) -> int:
    """Matrices that a parameter holds, stacked by rows: query, key and value are three."""
    if name.endswith(("gate_and_value.weight", "mamba2.keys.weight")):
        return 2
    return 3 if name.endswith("qkv.weight") else 1


def rate_factors(
    names: Iterable[str], config: OptimizerConfig, beside_muon: bool
) -> dict[str, float]:
    """Factor of the learning rate of each parameter that has one other than 1."""
    of = {"rwkv6": config.rwkv6_rate, "mamba2": config.mamba2_rate}
    found = {name: of.get(component_of(name), 1.0) for name in names}
    if beside_muon:
        found |= {name: found[name] * config.maps_rate for name in found if name.endswith(MAPS)}
    return {name: factor for name, factor in found.items() if factor != 1}


class Optimizer:
    """Muon for hidden matrices with AdamW for the rest; AdamW alone for the classic recipe."""

    def __init__(
        self, model: GPT, config: OptimizerConfig, dtype: torch.dtype = torch.float32
    ) -> None:
        """`dtype` is that of Muon's products."""
        self.config = config
        self.parameters = dict(model.named_parameters())
        hidden = {n: p for n, p in self.parameters.items() if is_hidden_matrix(n, p)}
        others = {n: p for n, p in self.parameters.items() if n not in hidden}
        has_muon = model.config.recipe == "modern" and config.muon
        scales = rate_factors(self.parameters, config, beside_muon=has_muon)
        groups = scaled_groups(others, scales, 0.0)
        self.muon: Muon | None = None
        if has_muon:
            parts = {name: num_fused(name) for name in hidden}
            own = {name: scales[name] for name in hidden if name in scales}
            self.muon = Muon(hidden, parts, config.weight_decay, dtype, own)
        else:
            groups += scaled_groups(hidden, scales, config.weight_decay)
        self.adamw = AdamW(groups, (config.beta1, config.beta2))

    def step(self, multiplier: float) -> None:
        """Apply the gradients at `multiplier` times the peak rates."""
        if self.muon is not None:
            self.muon.step(self.config.muon_lr * multiplier)
        self.step_others(multiplier)

    def step_others(self, multiplier: float) -> None:
        """Move what Muon does not."""
        for group in self.adamw.param_groups:
            group["lr"] = self.config.lr * multiplier * group["scale"]
        self.adamw.step()

    def gradients(self) -> dict[str, Tensor]:
        """What backward left, by parameter, in their order."""
        return {name: p.grad for name, p in self.parameters.items() if p.grad is not None}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def moments(self) -> Moments:
        """The state, not copied. A parameter that AdamW never moved has none."""
        moments: Moments = {kind: {} for kind in ADAMW_KINDS}
        for name, parameter in self.parameters.items():
            for kind, tensor in self.adamw.state.get(parameter, {}).items():
                moments[kind][name] = tensor
        moments["momentum"] = dict(self.muon.momentum) if self.muon is not None else {}
        return moments

    def load(self, moments: Moments) -> None:
        """Replace the state by copies of `moments`; parameters without any start afresh.

        Raises:
            ValueError: a moment fits no parameter.
        """
        self._require_fitting(moments)
        for kind in ADAMW_KINDS:
            for name, tensor in moments.get(kind, {}).items():
                copied = tensor.detach().clone().to(self.parameters[name].device)
                self.adamw.state[self.parameters[name]][kind] = copied
        for name, tensor in moments.get("momentum", {}).items():
            assert self.muon is not None
            self.muon.momentum[name].copy_(tensor)

    def _require_fitting(self, moments: Moments) -> None:
        momentum = self.muon.momentum if self.muon is not None else {}
        fits: dict[str, Mapping[str, Tensor]] = {"momentum": momentum}
        fits |= dict.fromkeys(ADAMW_KINDS, self.parameters)
        for kind, named in moments.items():
            for name, tensor in named.items():
                parameter = fits.get(kind, {}).get(name)
                shape = () if kind == "step" or parameter is None else parameter.shape
                if parameter is None or tensor.shape != shape or tensor.dtype != parameter.dtype:
                    raise ValueError(
                        f"checkpoint has a moment {kind + '/' + name!r} of {tuple(tensor.shape)} "
                        "that fits no parameter; give a checkpoint of a run"
                    )

    def drop(self, names: list[str]) -> None:
        """Forget parameters that the model no longer has, with their moments."""
        dropped = [self.parameters.pop(name) for name in names]
        if self.muon is not None:
            self.muon.drop(names)
        for parameter in dropped:
            self.adamw.state.pop(parameter, None)
        for group in self.adamw.param_groups:
            group["params"] = [p for p in group["params"] if all(p is not d for d in dropped)]


def scaled_groups(
    parameters: Mapping[str, Parameter], scales: Mapping[str, float], weight_decay: float
) -> list[Group]:
    """The parameters by the factor of their rate, those without one first."""
    by_scale: dict[float, list[Parameter]] = {1.0: []}
    for name, parameter in parameters.items():
        by_scale.setdefault(scales.get(name, 1.0), []).append(parameter)
    return [
        Group(params=params, weight_decay=weight_decay, lr=0.0, scale=scale)
        for scale, params in by_scale.items()
    ]
