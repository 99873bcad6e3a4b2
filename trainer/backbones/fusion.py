"""Ways to put what two components add together.

The gate always weights RWKV-6. Shapes: B sequences, T positions, D model width.
"""

from collections.abc import Callable
from math import log
from typing import assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from state.fusions import FusionKind
from trainer.backbones.empty import Linear
from trainer.backbones.names import Mixing
from trainer.backbones.rms_norm import rms_norm
from trainer.backbones.rwkv6 import empty

GATE_STD = 0.02

First = Callable[[torch.Generator], Tensor]


class Fusion(nn.Module):
    """One of the six; the parameters of the others are absent."""

    def __init__(self, kind: FusionKind, dim: int, start: float) -> None:
        super().__init__()
        self.kind, self.start = kind, start
        match kind:
            case "hy":
                self.gains = empty(2, dim)
            case "ws":
                self.weight_of_one = empty(1)
            case "gf":
                self.gate, self.gate_bias = empty(2 * dim), empty(1)
            case "hgf":
                self.gate, self.gate_bias = empty(dim, 2 * dim), empty(dim)
            case "rf":
                self.project = Linear(dim, dim, bias=False)
            case "cp":
                self.join = Linear(2 * dim, dim, bias=False)
            case _:
                assert_never(kind)

    def forward(self, r_BTD: Tensor, m_BTD: Tensor) -> Tensor:
        """What the block adds to the residual stream."""
        match self.kind:
            case "hy":
                return self.gains[0] * rms_norm(r_BTD) + self.gains[1] * rms_norm(m_BTD)
            case "ws":
                return torch.lerp(m_BTD, r_BTD, self.weight_of_one.to(r_BTD.dtype))
            case "gf" | "hgf":
                return torch.lerp(m_BTD, r_BTD, self.weights(r_BTD, m_BTD))
            case "rf":
                added: Tensor = r_BTD + self.project(m_BTD)
                return added
            case "cp":
                joined: Tensor = self.join(torch.cat([r_BTD, m_BTD], dim=-1))
                return joined
            case _:
                assert_never(self.kind)

    def weights(self, r_BTD: Tensor, m_BTD: Tensor) -> Tensor:
        """The gate of `gf` [B, T, 1] or `hgf` [B, T, D]."""
        both = torch.cat([r_BTD, m_BTD], dim=-1)
        matrix = self.gate if self.kind == "hgf" else self.gate[None]
        return torch.sigmoid(F.linear(both, matrix, self.gate_bias))

    def first_values(self) -> dict[str, First]:
        """What is not a matrix that every recipe draws alike."""
        match self.kind:
            case "hy":
                gains = torch.tensor([[self.start], [1 - self.start]]).expand(self.gains.shape)
                return {"gains": lambda _: gains}
            case "ws":
                return {"weight_of_one": lambda _: torch.full((1,), self.start)}
            case "gf" | "hgf":
                bias = log(self.start / (1 - self.start))
                shape = self.gate.shape
                return {
                    "gate": lambda stream: torch.empty(shape).normal_(
                        0, GATE_STD, generator=stream
                    ),
                    "gate_bias": lambda _: torch.full(self.gate_bias.shape, bias),
                }
            case "rf" | "cp":
                return {}
            case _:
                assert_never(self.kind)


def fusion_of(mixing: Mixing, dim: int) -> Fusion | None:
    """The fusion of a backbone; None where it has one component."""
    return None if mixing.fusion is None else Fusion(mixing.fusion, dim, mixing.gate)
