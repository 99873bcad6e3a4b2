"""Synchrony of the lineages: one Kuramoto oscillator each, driven by its rate of improvement.

    dtheta_i/dt = omega_i + K r sin(psi - theta_i),    r e^(i psi) = mean of e^(i theta)

Rates are in units of the noise of a measured gain. They enter centred, so phases turn in the mean
frame, and they are not wrapped, so a drift counts whole turns. The coupling is a multiple of the
critical one of the first search generation, and that reference is held: measured against the
current spread, r would not depend on the data. It is at most what noise alone needs. Two or three
random phases often give r > .8, so locking also asks that phase differences stand still.

Source: Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984), chapter 5.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from orchestrator.run_state import OscillatorState
from state.seeds import generator

GENERATION_DURATION = 2.0
STEP = 0.05
KICK = pi / 6
MIN_COUPLING = 0.1
"""Least reference, in noise units: equal first rates must not leave the lineages uncoupled."""
MAX_COUPLING = 3.0
"""Largest reference, in noise units: two to four lineages whose rates differ by nothing but noise
need less in 95 % of the draws. Rates further apart differ, and are not to be called in step.
"""
LOCKED_R = 0.8
LOCKED_GENERATIONS = 3
DRIFT_LIMITS = {2: pi / 6, 3: pi / 3, 4: pi / 3}
"""Largest drift in radians that still counts as locked, by number of oscillators.

The widest up to pi / 3 with at most 5 % false locks: `benchmarks/kuramoto_locking.py` simulates
them, docs/design/synchrony.md has the tables.
"""

Floats = NDArray[np.float64]


def initial_state(rates: Sequence[float], rng: np.random.Generator) -> OscillatorState:
    """Uniform random phases; the reference coupling is the critical one of these first rates,
    within its bounds.
    """
    coupling = min(max(critical_coupling(rates), MIN_COUPLING), MAX_COUPLING)
    phases = rng.uniform(-pi, pi, len(rates))
    return OscillatorState(phases=_floats(phases), coupling=coupling)


def critical_coupling(omegas: Sequence[float]) -> float:
    """Least K at which all oscillators can lock, exact for any finite number; 0 for equal rates.

    For two it is the difference of their rates.

    Source: Verwoerd and Mason, Global phase-locking in finite populations of phase-coupled
    oscillators, SIAM J. Appl. Dyn. Syst. 7 (2008).
    """
    centred = _centred(omegas)
    widest = float(np.abs(centred).max())
    if widest == 0:
        return 0.0
    omega = centred / widest
    low, high = 1.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        cosines = np.sqrt(1 - (omega / middle) ** 2)
        too_small = 2 * cosines.sum() < (1 / cosines).sum()
        low, high = (middle, high) if too_small else (low, middle)
    return float(widest * high / np.sqrt(1 - (omega / high) ** 2).mean())


def advance(
    state: OscillatorState,
    rates: Sequence[float],
    coupling_ratio: float,
    damping: float = 0.0,
    duration: float = GENERATION_DURATION,
    step: float = STEP,
) -> OscillatorState:
    """The state one generation later.

    `rates` are improvement rates in noise units, one a lineage; `damping` in [0, 1] shrinks them,
    omega = (1 - damping) * (rate - mean); K = coupling_ratio * state.coupling.

    Raises:
        ValueError: an input is not finite or out of range, or the number of rates is wrong.
    """
    if len(rates) != len(state.phases):
        raise ValueError(f"{len(rates)} rates for {len(state.phases)} oscillators; give one each")
    _require("coupling_ratio", coupling_ratio, 0.0, 1e3)
    _require("damping", damping, 0.0, 1.0)
    omegas = (1 - damping) * _centred(rates)
    coupling = coupling_ratio * state.coupling
    phases = _floats(integrate(np.asarray(state.phases), omegas, coupling, duration, step))
    history = (*state.history, phases)[-(LOCKED_GENERATIONS + 1) :]
    return state.model_copy(update={"phases": phases, "history": history})


def integrate(
    phases: Floats, omegas: Floats, coupling: float | Floats, duration: float, step: float = STEP
) -> Floats:
    """Phases [..., N] after `duration`, by RK4 with one fixed step of at most `step` and 1 / (2 K).

    Populations are integrated side by side over the leading axes; `coupling` is one number or
    [..., 1], and the strongest sets the step.

    Raises:
        ValueError: an input is not finite or out of range.
    """
    _require("duration", duration, 0.0, 1e4)
    _require("step", step, 1e-4, 10.0)
    _finite(phases)
    _finite(omegas)
    strongest = float(np.max(coupling))
    for bound in (float(np.min(coupling)), strongest):
        _require("coupling", bound, 0.0, 1e9)
    num_steps = ceil(duration / min(step, 0.5 / max(strongest, 1e-9)) - 1e-9)
    if num_steps > 1_000_000:
        raise ValueError(f"coupling {strongest:.3g} needs {num_steps} steps; lower it below 1e4")
    h = duration / max(num_steps, 1)
    for _ in range(num_steps):
        k1 = _velocity(phases, omegas, coupling)
        k2 = _velocity(phases + h / 2 * k1, omegas, coupling)
        k3 = _velocity(phases + h / 2 * k2, omegas, coupling)
        k4 = _velocity(phases + h * k3, omegas, coupling)
        phases = phases + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return phases


def _velocity(phases: Floats, omegas: Floats, coupling: float | Floats) -> Floats:
    turns = np.exp(1j * phases)
    mean = turns.mean(axis=-1, keepdims=True)
    return np.asarray(omegas + coupling * (mean * turns.conj()).imag, dtype=np.float64)


def kick(state: OscillatorState, lineage: int, angle: float = KICK) -> OscillatorState:
    """The state after a change of genome turned one lineage's phase ahead by `angle`."""
    _require("angle", angle, -pi, pi)
    phases = list(state.phases)
    phases[lineage] += angle
    return state.model_copy(update={"phases": tuple(phases)})


def drop(state: OscillatorState, index: int) -> OscillatorState:
    """The state without one lineage, which is gone from the history too."""
    if len(state.phases) < 2:
        raise ValueError("the last oscillator cannot be dropped; keep one lineage")
    phases = state.phases[:index] + state.phases[index + 1 :]
    history = tuple(past[:index] + past[index + 1 :] for past in state.history)
    return state.model_copy(update={"phases": phases, "history": history})


def order_parameter(phases: Sequence[float] | Floats) -> tuple[float, float]:
    """(r, psi): r in [0, 1], 1 for equal phases; psi in (-pi, pi], meaningless at r = 0.

    Raises:
        ValueError: there is no phase, or one is not finite.
    """
    mean = np.exp(1j * _finite(phases)).mean()
    return min(float(abs(mean)), 1.0), float(np.angle(mean))


@lru_cache(maxsize=32)
def null_quantile(num_oscillators: int, level: float = 0.95) -> float:
    """Quantile of r for independent uniform phases, from 200,000 seeded draws.

    For two oscillators r = |cos(delta / 2)|, and the quantile is cos(pi (1 - level) / 2).
    """
    rng = generator(0, "kuramoto null quantile", num_oscillators)
    total = np.exp(1j * rng.uniform(-pi, pi, (200_000, num_oscillators))).mean(axis=1)
    return min(float(np.quantile(np.abs(total), level)), 1.0)


def is_locked(state: OscillatorState) -> bool:
    """Whether r > .8 and no pairwise phase difference moved by the limit in 3 generations.

    False before three generations have passed, and for a single oscillator. Beyond four
    oscillators the limit of four holds.
    """
    num_oscillators = len(state.phases)
    if num_oscillators < 2 or len(state.history) <= LOCKED_GENERATIONS:
        return False
    r, _ = order_parameter(state.phases)
    limit = DRIFT_LIMITS[min(num_oscillators, max(DRIFT_LIMITS))]
    return r > LOCKED_R and phase_drift(state) < limit


def phase_drift(state: OscillatorState) -> float:
    """Largest change of a pairwise phase difference between now and any kept generation."""
    changes = _finite(state.phases) - np.asarray(state.history, dtype=np.float64)
    return float((changes.max(axis=1) - changes.min(axis=1)).max())


def _centred(rates: Sequence[float] | Floats) -> Floats:
    omegas = _finite(rates)
    return omegas - float(omegas.mean())


def _finite(numbers: Sequence[float] | Floats) -> Floats:
    array = np.asarray(numbers, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{array.tolist()} has no number or one that is not finite; drop it first")
    return array


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is outside [{low:g}, {high:g}]; choose one inside")


def _floats(array: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in array)
