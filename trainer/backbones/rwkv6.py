"""RWKV-6's time mixing as one component of a block.

Source: B. Peng et al., "Eagle and Finch: RWKV with Matrix-Valued States and Dynamic Recurrence"
(2024), section 4.

Shapes: B sequences, T positions, D model width, H heads, K width of a head, R rank.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.empty import Linear
from trainer.backbones.first_state import since_beginning
from trainer.backbones.shapes import NUM_MIXES, head_width, ranks
from trainer.backbones.wkv6 import WKV6Inputs, wkv6
from trainer.config import ModelConfig

MAX_DECAY = 4.5
"""exp(-exp(4.5)) is below the normal numbers of float32; a larger exponent decays no more."""
NORM_EPSILON = 64e-5
SPREAD = 0.01
"""Low-rank maps begin as zero times numbers of this size."""


class RWKV6State(NamedTuple):
    """What the next token needs."""

    last: Tensor
    """The input of the token before."""
    matrix: Tensor
    """float32 or float64."""


class RWKV6(nn.Module):
    """Token shift, data-dependent decay, matrix states, and a gate."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        D, (mix_rank, decay_rank) = config.dim, ranks(config.dim)
        self.width = head_width(D)
        self.depth = (layer / max(1, config.layers - 1), 1 - layer / config.layers)
        """Of this layer: 0 to 1, and 1 to almost 0."""
        self.mix_first = empty(D)
        self.mix = empty(NUM_MIXES, 1, D)
        """Of r, w, k, v, g."""
        self.mix_down, self.mix_up = empty(D, NUM_MIXES * mix_rank), empty(NUM_MIXES, mix_rank, D)
        self.decay = empty(D)
        self.decay_down, self.decay_up = empty(D, decay_rank), empty(decay_rank, D)
        self.bonus = empty(D)
        self.first_state: nn.Parameter | None = None
        """[H, K, V], what a document begins with."""
        if config.learned_state:
            self.first_state = empty(D // self.width, self.width, self.width)
        self.receptance = Linear(D, D, bias=False)
        self.key = Linear(D, D, bias=False)
        self.value = Linear(D, D, bias=False)
        self.gate = Linear(D, D, bias=False)
        self.norm = nn.LayerNorm(D, NORM_EPSILON)
        """Gains and biases by channel; the means are those of a head."""
        self.output = Linear(D, D, bias=False)

    def forward(
        self, x_BTD: Tensor, state: RWKV6State | None, fresh_BT: Tensor | None = None
    ) -> tuple[Tensor, RWKV6State]:
        """What the component adds, and the state behind the last token; without one nothing was
        read.
        """
        state = state or self.empty_state(len(x_BTD))
        r, w, k, v, g = self.mixed(x_BTD, state.last, fresh_BT)
        low = torch.tanh(w @ self.decay_down) @ self.decay_up
        dtype = state.matrix.dtype
        log_w_BTD = -torch.exp((self.decay + low).to(dtype).clamp(max=MAX_DECAY))
        received = (self.receptance(r), self.key(k), self.value(v), log_w_BTD)
        with torch.autocast(x_BTD.device.type, enabled=False):
            shape = (*x_BTD.shape[:2], -1, self.width)
            heads = [one.to(dtype).view(shape) for one in received]
            u_HK = self.bonus.to(dtype).view(-1, self.width)
            given = WKV6Inputs(heads[0], heads[1], heads[2], heads[3], u_HK, fresh_BT)
            y, matrix = wkv6(given, state.matrix)
            if fresh_BT is not None and self.first_state is not None:
                before, behind = since_beginning(given.log_w, fresh_BT)
                first = self.first_state.to(dtype)
                y = y + torch.einsum("bthk,hkv->bthv", given.r * before, first)
                matrix = matrix + behind[:, -1, :, :, None] * first
            y = F.layer_norm(y, (self.width,), eps=NORM_EPSILON).flatten(-2)
            y = torch.addcmul(self.norm.bias, y, self.norm.weight)
        out_BTD: Tensor = self.output(y.to(x_BTD.dtype) * F.silu(self.gate(g)))
        return out_BTD, RWKV6State(x_BTD[:, -1], matrix)

    def mixed(self, x_BTD: Tensor, last_BD: Tensor, fresh_BT: Tensor | None) -> tuple[Tensor, ...]:
        """The five inputs, each between the token and the one before it."""
        B, T, D = x_BTD.shape
        before_BTD = torch.cat([last_BD[:, None].to(x_BTD.dtype), x_BTD[:, :-1]], dim=1)
        if fresh_BT is not None:
            before_BTD = before_BTD.masked_fill(fresh_BT[..., None], 0.0)
        change_BTD = before_BTD - x_BTD
        first_BTD = torch.addcmul(x_BTD, change_BTD, self.mix_first)
        low = torch.tanh(first_BTD.flatten(0, 1) @ self.mix_down)
        low_MNR = low.view(B * T, NUM_MIXES, -1).transpose(0, 1)
        mixes = torch.baddbmm(self.mix.to(low.dtype), low_MNR, self.mix_up.to(low.dtype))
        return tuple(
            torch.addcmul(x_BTD, change_BTD, one.to(x_BTD.dtype))
            for one in mixes.view(NUM_MIXES, B, T, D).unbind()
        )

    def empty_state(self, num_sequences: int) -> RWKV6State:
        """Nothing has been read."""
        weight, width = self.output.weight, self.width
        heads = weight.shape[0] // width
        dtype = torch.promote_types(weight.dtype, torch.float32)
        if self.first_state is None:
            matrix = weight.new_zeros((num_sequences, heads, width, width), dtype=dtype)
        else:
            matrix = self.first_state.to(dtype).expand(num_sequences, -1, -1, -1)
        return RWKV6State(weight.new_zeros((num_sequences, weight.shape[0])), matrix)

    def first_values(self) -> dict[str, Callable[[torch.Generator], Tensor]]:
        """The parameters that are not drawn as matrices are; the published formulas."""
        D = len(self.decay)
        deep, shallow = self.depth
        place = torch.arange(D, dtype=torch.float64) / D
        inner = torch.arange(D, dtype=torch.float64) / max(1, D - 1)
        zigzag = ((torch.arange(D) + 1) % 3 - 1) * 0.1
        usual = 1 - place**shallow
        late = 1 - place ** (0.5 * shallow)
        values = {
            "mix_first": usual,
            "mix": torch.stack([late, usual, usual, usual - 0.3 * deep, late])[:, None],
            "mix_down": torch.zeros(self.mix_down.shape),
            "decay": -6 + 5 * inner ** (0.7 + 1.3 * deep),
            "decay_down": torch.zeros(self.decay_down.shape),
            "bonus": deep * (1 - inner) + zigzag,
        }
        if self.first_state is not None:
            values["first_state"] = torch.zeros(self.first_state.shape)

        def spread(shape: torch.Size) -> Callable[[torch.Generator], Tensor]:
            return lambda stream: torch.empty(shape).uniform_(-SPREAD, SPREAD, generator=stream)

        fixed = {name: _constant(value) for name, value in values.items()}
        return fixed | {name: spread(getattr(self, name).shape) for name in ("mix_up", "decay_up")}


def _constant(value: Tensor) -> Callable[[torch.Generator], Tensor]:
    return lambda _: value


def empty(*shape: int) -> nn.Parameter:
    """A parameter without values."""
    return nn.Parameter(torch.empty(shape))
