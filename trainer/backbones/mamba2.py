"""Mamba-2's mixer as one component of a block.

Source: T. Dao, A. Gu, "Transformers are SSMs" (2024), sections 6 and 7.

Shapes: B sequences, T positions, D model width, I inner width, E channels of the convolution,
H heads, P width of a head, S width of the state, W inputs that the convolution keeps.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.empty import Linear
from trainer.backbones.first_state import since_beginning
from trainer.backbones.rms_norm import rms_norm
from trainer.backbones.rwkv6 import empty
from trainer.backbones.shapes import (
    CONV_WIDTH,
    EXPANSION,
    STATE_WIDTH,
    mamba_head_width,
    num_mamba_heads,
)
from trainer.backbones.short_conv import short_conv
from trainer.backbones.ssd import SSDInputs, ssd
from trainer.config import ModelConfig

STEPS = (1e-3, 1e-1)
"""Between which a head's step begins."""
RATES = (1.0, 16.0)
"""Between which the rate of its decay begins."""
MAX_STEP_RATE = 90.0
"""exp(-90) is below the normal numbers of float32; a larger one decays no more."""


class Mamba2State(NamedTuple):
    """What the next token needs."""

    inputs: Tensor
    """The last inputs of the convolution."""
    matrix: Tensor
    """float32 or float64."""


class Mamba2(nn.Module):
    """A short convolution, states with a decay for each head, and a gate."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        D, inner, heads = config.dim, EXPANSION * config.dim, num_mamba_heads(config.dim)
        self.inner, self.width = inner, mamba_head_width(D)
        self.gate_and_value = Linear(D, 2 * inner, bias=False)
        """z, x."""
        self.keys = Linear(D, 2 * STATE_WIDTH, bias=False)
        """B, C."""
        self.step, self.step_bias = empty(heads, D), empty(heads)
        self.conv, self.conv_bias = (
            empty(inner + 2 * STATE_WIDTH, CONV_WIDTH),
            empty(inner + 2 * STATE_WIDTH),
        )
        self.log_rate, self.skip = empty(heads), empty(heads)
        self.norm_gain = empty(inner)
        self.first_state: nn.Parameter | None = None
        """[H, P, S], what a document begins with."""
        if config.learned_state:
            self.first_state = empty(heads, self.width, STATE_WIDTH)
        self.out = Linear(inner, D, bias=False)

    def forward(
        self, x_BTD: Tensor, state: Mamba2State | None, fresh_BT: Tensor | None = None
    ) -> tuple[Tensor, Mamba2State | None]:
        """What the component adds, and the state behind the last token. Without a state nothing
        was read, and what is behind may be None.
        """
        begun = state or self.empty_state(len(x_BTD))
        before = None if state is None and self.first_state is None else begun.matrix
        weights = (self.gate_and_value.weight, self.keys.weight, self.step)
        projected = F.linear(x_BTD, torch.cat(weights))
        widths = [self.inner, self.inner + 2 * STATE_WIDTH, len(self.skip)]
        z_BTI, xbc_BTE, step_BTH = torch.split(projected, widths, dim=-1)
        past_BWE = begun.inputs.to(xbc_BTE.dtype)
        dtype = begun.matrix.dtype
        with torch.autocast(x_BTD.device.type, enabled=False):
            active = short_conv(xbc_BTE, past_BWE, self.conv, self.conv_bias, fresh_BT, dtype)
            x, b, c = torch.split(active, [self.inner, STATE_WIDTH, STATE_WIDTH], dim=-1)
            y, matrix = self.scan(x, b, c, step_BTH.to(dtype), before, fresh_BT)
            y = rms_norm(y * F.silu(z_BTI.to(dtype))) * self.norm_gain
        out_BTD: Tensor = self.out(y.to(x_BTD.dtype))
        if matrix is None:
            return out_BTD, None
        inputs = torch.cat([past_BWE, xbc_BTE[:, 1 - CONV_WIDTH :]], dim=1)[:, 1 - CONV_WIDTH :]
        if fresh_BT is not None:
            inputs = self.of_this_document(inputs, fresh_BT)
        return out_BTD, Mamba2State(inputs, matrix)

    def scan(
        self,
        x_BTI: Tensor,
        b_BTS: Tensor,
        c_BTS: Tensor,
        step_BTH: Tensor,
        matrix: Tensor | None,
        fresh_BT: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Outputs [B, T, I] of the heads, D x included, and the state, as `ssd` gives it."""
        step_BTH = F.softplus(step_BTH + self.step_bias)
        a_BTH = -(step_BTH * self.log_rate.exp()).clamp(max=MAX_STEP_RATE)
        x_BTHP = x_BTI.reshape(*x_BTI.shape[:2], -1, self.width)
        scaled = x_BTHP * step_BTH[..., None]
        y, matrix = ssd(SSDInputs(scaled, a_BTH, b_BTS, c_BTS, fresh_BT), matrix)
        if fresh_BT is not None and self.first_state is not None:
            assert matrix is not None
            _, behind = since_beginning(a_BTH[..., None], fresh_BT)
            first = self.first_state.to(y.dtype)
            y = y + behind * torch.einsum("bts,hps->bthp", c_BTS, first)
            matrix = matrix + behind[:, -1, :, :, None] * first
        return torch.addcmul(y, x_BTHP, self.skip[:, None]).flatten(-2), matrix

    def of_this_document(self, inputs_BWE: Tensor, fresh_BT: Tensor) -> Tensor:
        """Inputs from before the last beginning of a document set to zero."""
        kept = inputs_BWE.shape[1]
        begins = F.pad(fresh_BT, (kept, 0))[:, -kept:]
        later = begins.flip(1).long().cumsum(dim=1).flip(1) - begins.long()
        return inputs_BWE.masked_fill((later > 0)[..., None], 0.0)

    def empty_state(self, num_sequences: int) -> Mamba2State:
        """Nothing has been read."""
        weight, heads = self.out.weight, len(self.skip)
        dtype = torch.promote_types(weight.dtype, torch.float32)
        shape = (num_sequences, heads, self.width, STATE_WIDTH)
        inputs = weight.new_zeros((num_sequences, CONV_WIDTH - 1, len(self.conv)))
        if self.first_state is None:
            return Mamba2State(inputs, weight.new_zeros(shape, dtype=dtype))
        return Mamba2State(inputs, self.first_state.to(dtype).expand(shape))

    def first_values(self) -> dict[str, Callable[[torch.Generator], Tensor]]:
        """The parameters that are not drawn as matrices are; the published ranges."""
        heads, dim = self.step.shape

        def steps(stream: torch.Generator) -> Tensor:
            low, high = (log(one) for one in STEPS)
            size = torch.empty(heads).uniform_(low, high, generator=stream).exp()
            return size + torch.log(-torch.expm1(-size))

        def matrices(shape: torch.Size, std: float) -> Callable[[torch.Generator], Tensor]:
            return lambda stream: torch.empty(shape).normal_(0, std, generator=stream)

        values = {
            "step": matrices(self.step.shape, dim**-0.5),
            "step_bias": steps,
            "conv": matrices(self.conv.shape, CONV_WIDTH**-0.5),
            "conv_bias": lambda _: torch.zeros(len(self.conv)),
            "log_rate": lambda stream: torch.empty(heads).uniform_(*RATES, generator=stream).log(),
            "skip": lambda _: torch.ones(heads),
            "norm_gain": lambda _: torch.ones(self.inner),
        }
        if self.first_state is not None:
            shape = self.first_state.shape
            values["first_state"] = lambda _: torch.zeros(shape)
        return values
