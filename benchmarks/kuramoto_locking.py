"""How often the locking rule fires: the lineages' process, simulated side by side.

As a run has it: the first rates set the reference coupling, which is held; a generation is two
time units; rates are true ones plus fresh noise, over an estimated sigma; a change of genome
kicks a phase. Arrays are [R, L]: R replications of L lineages.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import pi, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from orchestrator.evolution.kuramoto import (
    DRIFT_LIMITS,
    GENERATION_DURATION,
    KICK,
    LOCKED_GENERATIONS,
    LOCKED_R,
    MAX_COUPLING,
    MIN_COUPLING,
    critical_coupling,
    integrate,
)

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

REPLICATIONS = 200
GENERATIONS = 16
RATIOS = (0.6, 1.2, 2.5)
"""Of the three search phases."""
FIRST_SPREADS = (2.0, 10.0)
"""Of the first true rates, in sigmas."""
NULL_PAIRS = 4
"""Behind an estimated sigma."""
KICK_SHARE = 0.1
"""Chance that a lineage changes its genome in a generation."""
LIMITS = tuple(k * pi / 24 for k in (2, 3, 4, 6, 8, 10, 12))
WIDEST = 5
"""Limits up to this one may be chosen: pi / 3. A wider drift is no standing still."""
FALSE_LOCKS = 0.05


class Case(NamedTuple):
    """Rates after the first generation."""

    name: str
    wanted: Literal["lock", "no lock", "either"]
    dispersion: float = 0.0
    """Critical coupling of the true rates over the coupling; 0 for equal rates."""
    noise: Literal["fresh", "passing"] = "fresh"
    """Independent, or the change of a fluctuation that the next generation wins back."""
    size: float = sqrt(0.5)
    """Standard deviation in sigmas, which are those of a difference of two runs."""
    is_coupled: bool = True


CASES = (
    Case("equal", "lock"),
    Case("equal, passing noise 1", "lock", noise="passing", size=1.0),
    Case("equal, noise .2", "lock", size=0.2),
    Case("dispersion .5", "either", 0.5),
    Case("dispersion .8", "either", 0.8),
    Case("dispersion 1.1", "no lock", 1.1),
    Case("dispersion 1.1, passing noise 1", "no lock", 1.1, "passing", 1.0),
    Case("dispersion 1.1, noise .2", "no lock", 1.1, size=0.2),
    Case("dispersion 1.5", "no lock", 1.5),
    Case("dispersion 2", "no lock", 2.0),
)
UNCOUPLED = (
    Case("no coupling", "no lock", is_coupled=False),
    Case("no coupling, passing noise 1", "no lock", noise="passing", size=1.0, is_coupled=False),
    Case("no coupling, noise .35", "no lock", size=0.35, is_coupled=False),
    Case("no coupling, noise .2", "either", size=0.2, is_coupled=False),
)


class Start(NamedTuple):
    """What the cases of one number of lineages and one first spread share."""

    phases: Array
    first: Array
    """Rates of the first generation."""
    reference: Array
    """[R, 1]: the coupling that is held."""
    directions: Array
    """Rates whose critical coupling is 1."""
    scale: Array
    """[R, 1]: true sigma over its estimate in later generations."""


def start(num_lineages: int, spread: float, rng: np.random.Generator) -> Start:
    """Random phases and rates, the reference coupling as a run takes it."""
    shape = (REPLICATIONS, num_lineages)
    size = sqrt(spread * spread + 0.5)
    first = _scale(rng) * size * rng.standard_normal(shape)
    directions = rng.standard_normal(shape)
    return Start(
        phases=rng.uniform(-pi, pi, shape),
        first=first,
        reference=np.clip(_critical(first), MIN_COUPLING, MAX_COUPLING),
        directions=directions / _critical(directions),
        scale=_scale(rng),
    )


def simulate(
    begun: Start, case: Case, ratio: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The r and drift [G, R] that `course` gives."""
    coupling = ratio * begun.reference * case.is_coupled
    # The dispersion is that of the rates as they enter, whatever sigma was estimated.
    true = case.dispersion * coupling * begun.directions
    shape = begun.phases.shape
    noise = islice(_noise(case, shape, rng), GENERATIONS - 1)
    rates = [begun.first, *(true + begun.scale * fresh for fresh in noise)]
    kicks = rng.random((GENERATIONS, *shape)) < KICK_SHARE
    return course(begun.phases, coupling, rates, kicks)


def course(
    phases: Array, coupling: Array, rates: Iterable[Array], kicks: Iterable[Flags]
) -> tuple[Array, Array]:
    """The r and drift [G, R] after each generation; without a history the drift is infinite."""
    history: list[Array] = []
    radii, drifts = [], []
    for now, kicked in zip(rates, kicks, strict=True):
        omegas = now - now.mean(axis=-1, keepdims=True)
        phases = integrate(phases, omegas, coupling, GENERATION_DURATION)
        history = [*history, phases][-(LOCKED_GENERATIONS + 1) :]
        phases = phases + KICK * kicked
        radii.append(np.abs(np.exp(1j * phases).mean(axis=-1)))
        drift = np.ptp(phases - np.stack(history), axis=-1).max(axis=0)
        drifts.append(drift if len(history) > LOCKED_GENERATIONS else np.full_like(drift, np.inf))
    return np.stack(radii), np.stack(drifts)


def locking() -> JsonValue:
    """Every case at every number of lineages, and the limits that follow."""
    rows: list[JsonValue] = []
    chosen: dict[str, JsonValue] = {}
    for num_lineages, limit in DRIFT_LIMITS.items():
        worst = np.zeros(len(LIMITS))
        for case, ratio, spread, (r, drift) in _cells(num_lineages):
            shares = [float(share) for share in _shares(r, drift)]
            if case.wanted == "no lock":
                worst = np.maximum(worst, shares)
            row: dict[str, JsonValue] = {"lineages": num_lineages, "first_spread": spread}
            row |= {"case": case.name, "wanted": case.wanted, "ratio": ratio}
            rows.append({**row, "locked": _rounded(shares), **_delay(r, drift, limit)})
        allowed = np.flatnonzero(worst[:WIDEST] <= FALSE_LOCKS)
        widest = LIMITS[allowed[-1]] if len(allowed) else 0.0
        chosen[str(num_lineages)] = {
            "worst_false_locks": _rounded(worst),
            "widest": round(widest / pi, 4),
            "in_use": round(limit / pi, 4),
        }
    limits: list[JsonValue] = [round(limit / pi, 4) for limit in LIMITS]
    return {"limits_in_pi": limits, "chosen": chosen, "cells": rows}


def _cells(num_lineages: int) -> Iterator[tuple[Case, float, float, tuple[Array, Array]]]:
    for spread in FIRST_SPREADS:
        rng = np.random.default_rng([num_lineages, round(spread)])
        begun = start(num_lineages, spread, rng)
        for ratio in RATIOS:
            for case in CASES:
                yield case, ratio, spread, simulate(begun, case, ratio, rng)
        for case in UNCOUPLED:
            yield case, 0.0, spread, simulate(begun, case, 0.0, rng)


def _shares(r: Array, drift: Array) -> Array:
    """Share of the generations in which the rule fires, by limit, once there is a history."""
    r, drift = r[LOCKED_GENERATIONS:], drift[LOCKED_GENERATIONS:]
    return np.array([((r > LOCKED_R) & (drift < limit)).mean() for limit in LIMITS])


def _delay(r: Array, drift: Array, limit: float) -> dict[str, JsonValue]:
    """Generations until the rule first fires with the limit in use; 4 is the least there is."""
    fires = (r > LOCKED_R) & (drift < limit)
    first = np.where(fires.any(axis=0), fires.argmax(axis=0) + 1.0, np.inf)
    middle, late = np.quantile(first, [0.5, 0.9], method="higher")
    return {"median_delay": _finite_or_none(middle), "p90_delay": _finite_or_none(late)}


def _finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rounded(values: Iterable[float]) -> list[JsonValue]:
    return [round(float(value), 4) for value in values]


def _noise(case: Case, shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[Array]:
    before = rng.standard_normal(shape)
    while True:
        fresh = rng.standard_normal(shape)
        if case.noise == "passing":
            yield case.size * (before - fresh) / sqrt(2)
        else:
            yield case.size * fresh
        before = fresh


def _scale(rng: np.random.Generator) -> Array:
    """True sigma over the estimate from a few pairs, [R, 1]."""
    return np.sqrt(NULL_PAIRS / rng.chisquare(NULL_PAIRS, (REPLICATIONS, 1)))


def _critical(rates: Array) -> Array:
    return np.array([[critical_coupling(list(row))] for row in rates])
