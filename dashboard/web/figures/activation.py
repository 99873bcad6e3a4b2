"""Activations as small drawings: points of an SVG path, and the gallery of all that were tried."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.genome import display_name, is_gated, learnable, parse, slopes, values
from state.records import Genome, MemberRecord

REACH = 4.0
"""Curves are drawn from -REACH to REACH."""
WIDTH, HEIGHT = 160.0, 112.0
"""Units of the drawing."""
_LEAST, _MOST = (-1.2, 2.4), (-3.0, 4.0)
"""Least and greatest part of the vertical axis that is shown."""
_NUM_POINTS = 81


class Curve(NamedTuple):
    """A drawing of WIDTH x HEIGHT units; paths are the `d` of an SVG path, in pieces."""

    value: str
    slope: str
    zero_x: float
    zero_y: float
    """Where the axes are."""
    note: str
    """What is drawn where that is not the whole function."""


class Exhibit(NamedTuple):
    """One activation of the gallery."""

    formula: str
    name: str
    curve: Curve | None
    first_generation: int
    num_trials: int
    accepted: int
    champion: bool
    """It was a champion's or the host's."""
    best_gain: float | None
    best_bits_per_byte: float | None
    member: tuple[int, str]
    """Generation and id of its best member."""


@lru_cache(maxsize=1024)
def curve_of(formula: str) -> Curve | None:
    """The drawing of a formula; None where it cannot be read."""
    try:
        genome = parse(formula)
        x = np.linspace(-REACH, REACH, _NUM_POINTS)
        f, slope = values(genome, x), slopes(genome, x)
    except (ValueError, RecursionError, OverflowError):
        return None
    seen = np.clip(f[np.isfinite(f)], *_MOST)
    low = min([_LEAST[0], float(seen.min(initial=0.0))])
    high = max([_LEAST[1], float(seen.max(initial=0.0))])
    margin = 0.04 * (high - low)
    bounds = (low - margin, high + margin)
    return Curve(
        *(_path(x, f, bounds), _path(x, slope, bounds)),
        zero_x=WIDTH / 2,
        zero_y=round(_height(0.0, bounds), 1),
        note=_note(genome),
    )


def name_of(formula: str) -> str:
    """The short name of a formula, else the formula."""
    try:
        return display_name(parse(formula))
    except (ValueError, RecursionError):
        return formula


def gallery(members: Iterable[MemberRecord]) -> list[Exhibit]:
    """Every activation that was tried, those of champions first, then by gain."""
    own: dict[str, list[MemberRecord]] = {}
    for member in members:
        own.setdefault(member.genome.formula, []).append(member)
    exhibits = [_exhibit(formula, tried) for formula, tried in own.items()]
    return sorted(
        exhibits,
        key=lambda one: (
            *(not one.champion, not one.accepted, -(one.best_gain or -1e9)),
            *(one.first_generation, one.formula),
        ),
    )


def _exhibit(formula: str, tried: list[MemberRecord]) -> Exhibit:
    gains = [one.gain for one in tried if one.gain is not None and one.role == "challenger"]
    measured = [one for one in tried if one.bits_per_byte is not None]
    best = min(measured, key=lambda one: one.bits_per_byte or 0.0, default=tried[0])
    return Exhibit(
        formula=formula,
        name=name_of(formula),
        curve=curve_of(formula),
        first_generation=min(one.generation for one in tried),
        num_trials=sum(one.role == "challenger" for one in tried),
        accepted=sum(one.status == "accepted" for one in tried),
        champion=any(one.role in ("champion", "host") for one in tried),
        best_gain=max(gains, default=None),
        best_bits_per_byte=best.bits_per_byte,
        member=(best.generation, best.member_id),
    )


def _height(value: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return HEIGHT * (high - value) / (high - low)


def _path(x: NDArray[np.float64], y: NDArray[np.float64], bounds: tuple[float, float]) -> str:
    """Pieces between what is not finite; what leaves the drawing is cut a little outside."""
    low, high = bounds
    span = high - low
    path, pen_up = [], True
    for at, value in zip(x.tolist(), y.tolist(), strict=True):
        if not np.isfinite(value):
            pen_up = True
            continue
        shown = min(max(value, low - span), high + span)
        place = f"{(at + REACH) / (2 * REACH) * WIDTH:.1f} {_height(shown, bounds):.1f}"
        path.append(f"{'M' if pen_up else 'L'}{place}")
        pen_up = False
    return "".join(path)


def _note(genome: Genome) -> str:
    kind = learnable(genome)
    parts = ["the part inside the gate"] if is_gated(genome) else []
    if kind is not None:
        parts.append("before training")
    return ", ".join(parts)
