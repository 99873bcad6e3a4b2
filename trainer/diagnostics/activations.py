"""The units of a feed-forward layer on real text: which are dead, and where on their curve they
work.

Shapes: N tokens, W units, G points of a curve.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.feed_forward import FeedForward

FLAT = 0.01
"""Slope below which a unit passes no gradient worth speaking of."""
QUANTILES = (0.01, 0.5, 0.99)
MAX_KEPT = 20_000
"""Inputs that are kept of each batch for the quantiles."""
REACH, POINTS = 8.0, 1601
"""The curve is looked at from -8 to 8."""
BEND = (0.05, 0.95)
"""Shares of its change of slope between which a curve bends."""


class UnitReadings(NamedTuple):
    """The units of one layer."""

    units: int
    flat_share: float
    """Of units and tokens: where the slope is below 0.01."""
    dead_share: float
    """Of units: flat on every token, and their output is nothing."""
    saturated_share: float
    """Of units: flat on every token at an output that is not nothing."""
    inputs: tuple[float, float, float]
    """Quantiles of the activation's input: 1, 50 and 99 %."""
    bend: tuple[float, float] | None
    """Where the curve changes nine tenths of its slope's change; None for a straight line."""
    nonlinear_share: float
    """Of the variance of the units' outputs, what no straight line of each unit's input gives."""


class UnitTally:
    """What is gathered of one layer."""

    def __init__(self, layer: FeedForward) -> None:
        self.layer = layer
        self.count = 0
        self.flat: Tensor | None = None
        """How often each unit was flat, [W]."""
        self.sums: Tensor | None = None
        """Of x, f, x x, f f and x f over tokens, [5, W]."""
        self.kept: list[NDArray[np.float32]] = []

    def add(self, input_BTW: Tensor) -> None:
        """Inputs of the activation."""
        x_NW = input_BTW.detach().flatten(0, -2)
        f_NW, slope_NW = values_and_slopes(self.layer, x_NW)
        flat_W = (slope_NW.abs() < FLAT).sum(dim=0)
        x, f = x_NW.double(), f_NW.double()
        sums_5W = torch.stack([part.sum(dim=0) for part in (x, f, x * x, f * f, x * f)])
        self.count += len(x_NW)
        self.flat = flat_W if self.flat is None else self.flat + flat_W
        self.sums = sums_5W if self.sums is None else self.sums + sums_5W
        step = 1 + x_NW.numel() // MAX_KEPT
        self.kept.append(x_NW.flatten()[::step].float().cpu().numpy())

    def readings(self) -> UnitReadings:
        assert self.flat is not None
        assert self.sums is not None
        always_flat = self.flat == self.count
        silent = always_flat & ((self.sums[3] / self.count).sqrt() < FLAT)
        low, middle, high = np.quantile(np.concatenate(self.kept), QUANTILES).tolist()
        return UnitReadings(
            units=len(always_flat),
            flat_share=float(self.flat.double().mean()) / self.count,
            dead_share=float(silent.double().mean()),
            saturated_share=float((always_flat & ~silent).double().mean()),
            inputs=(low, middle, high),
            bend=bend_of(self.layer),
            nonlinear_share=self.nonlinear_share(),
        )

    def nonlinear_share(self) -> float:
        """1 - R^2 of the best line for each unit, over all units."""
        assert self.sums is not None
        x, f, xx, ff, xf = (row / self.count for row in self.sums.unbind())
        variance_x, variance_f = xx - x * x, (ff - f * f).clamp_min(0)
        covariance = xf - x * f
        explained = torch.where(variance_x > 0, covariance.square() / variance_x, 0.0)
        total = float(variance_f.sum())
        return max(0.0, 1 - float(explained.sum()) / total) if total > 0 else 0.0


def values_and_slopes(layer: FeedForward, x_NW: Tensor) -> tuple[Tensor, Tensor]:
    """f(x) and f'(x) of the layer's own activation, trained as it is."""
    with torch.enable_grad():
        asked = x_NW.detach().float().requires_grad_()
        f_NW = layer.activate(asked)
        (slope_NW,) = torch.autograd.grad(f_NW.sum(), asked)
    return f_NW.detach(), slope_NW


def bend_of(layer: FeedForward) -> tuple[float, float] | None:
    """Where the layer's mean curve bends."""
    weight = layer.w_in.weight
    x_G = torch.linspace(-REACH, REACH, POINTS, device=weight.device)
    _, slope_GW = values_and_slopes(layer, x_G[:, None].expand(-1, weight.shape[0]).contiguous())
    slope_G = slope_GW.double().mean(dim=1).cpu().numpy()
    change = np.abs(np.diff(slope_G))
    if change.sum() < FLAT:
        return None
    reached = np.cumsum(change) / change.sum()
    middles = (x_G[1:] + x_G[:-1]).cpu().numpy() / 2
    first, last = (int(np.searchsorted(reached, share)) for share in BEND)
    return float(middles[first]), float(middles[last])
