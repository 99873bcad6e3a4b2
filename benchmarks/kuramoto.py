"""Do the oscillators follow theory, and when does the locking rule fire?

python -m benchmarks.kuramoto --runs RUN [...]

The order parameter over the coupling beside the exact solution for Lorentzian frequencies, below
the critical coupling beside chance; the error of the integrator; how often the locking rule fires
for equal and for dispersed rates; and what rates finished main jobs really had. One core, under
three minutes.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from math import pi, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from benchmarks.kuramoto_locking import locking
from benchmarks.kuramoto_real import real_run
from benchmarks.recording import write_result
from orchestrator.evolution.kuramoto import (
    GENERATION_DURATION,
    STEP,
    critical_coupling,
    integrate,
    order_parameter,
)

Array = NDArray[np.float64]

HALF_WIDTH = 0.5
"""Of the frequencies, so that the critical coupling is 1."""
ABOVE = (1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
BELOW = (0.25, 0.5, 0.75)
TRANSIENT, WINDOW, INTERVAL = 60.0, 40.0, 0.5


def main() -> None:
    """Run the study and write results/kuramoto.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="finished main jobs")
    arguments = parser.parse_args()
    started = time.process_time()
    parts: dict[str, Callable[[], JsonValue]] = {
        "curve": lambda: [
            *curve(2000, (*BELOW, *ABOVE), range(4)),
            *curve(8000, (*BELOW[1:2], *ABOVE[1::3]), range(2)),
        ],
        "below": lambda: [row for size in (500, 2000, 8000) for row in curve(size, (0.5,), EIGHT)],
        "convergence": convergence,
        "locking": locking,
        "real": lambda: [real_run(path) for path in arguments.runs],
    }
    figures: dict[str, JsonValue] = {}
    for name, part in parts.items():
        figures[name] = part()
        print(f"{name}: {time.process_time() - started:.0f} s", flush=True)
    figures["cpu_seconds"] = round(time.process_time() - started)
    print(write_result("kuramoto", figures))


EIGHT = range(10, 18)


def curve(size: int, ratios: Sequence[float], seeds: Sequence[int]) -> list[JsonValue]:
    """Levels of r of `size` oscillators at each K / K_c: mean and spread over seeds, and theory."""
    rows: list[JsonValue] = []
    for ratio in ratios:
        levels = [level(size, ratio, np.random.default_rng([size, seed])) for seed in seeds]
        rows.append(
            {
                "oscillators": size,
                "ratio": ratio,
                "seeds": len(levels),
                "r": round(float(np.mean(levels)), 5),
                "spread": round(float(np.std(levels, ddof=1)), 5),
                "theory": round(theory(size, ratio), 5),
            }
        )
    return rows


def theory(size: int, ratio: float) -> float:
    """The r at K / K_c: the exact limit above 1, below it the fluctuations of a finite number.

    Below, the mean field of random phases is damped at rate g - K / 2 in place of g, so that its
    mean square is 1 / (N (1 - K / K_c)), linearised.

    Source: Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984), chapter 5.
    """
    return sqrt(1 - 1 / ratio) if ratio > 1 else 1 / sqrt(size * (1 - ratio))


def level(size: int, ratio: float, rng: np.random.Generator) -> float:
    """Root of the mean square of r after a transient, of one draw of frequencies and phases."""
    omegas = HALF_WIDTH * rng.standard_cauchy(size)
    # Order decays within a transient, from chance it would have to grow first.
    phases = rng.uniform(-pi, pi, size) if ratio < 1 else np.zeros(size)
    coupling = 2 * HALF_WIDTH * ratio
    phases = integrate(phases, omegas, coupling, TRANSIENT)
    squares = []
    for _ in range(round(WINDOW / INTERVAL)):
        phases = integrate(phases, omegas, coupling, INTERVAL)
        squares.append(order_parameter(phases)[0] ** 2)
    return sqrt(float(np.mean(squares)))


def convergence(num_states: int = 60) -> JsonValue:
    """Largest error of a phase after one generation of three drifting lineages, by step.

    The step of a run is at most .05 and 1 / (2 K); the reference is a sixteenth of it.
    """
    rng = np.random.default_rng(3)
    errors: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for _ in range(num_states):
        rates = 10 * rng.standard_normal(3)
        omegas, coupling = rates - rates.mean(), 0.6 * critical_coupling(list(rates))
        phases, step = rng.uniform(-pi, pi, 3), min(STEP, 0.5 / coupling)
        exact = integrate(phases, omegas, coupling, GENERATION_DURATION, step / 16)
        for parts, found in errors.items():
            ends = integrate(phases, omegas, coupling, GENERATION_DURATION, step / parts)
            found.append(float(np.abs(ends - exact).max()))
    rows: list[JsonValue] = [
        {
            "step": f"1/{parts}",
            "median": float(f"{np.median(found):.2g}"),
            "largest": float(f"{max(found):.2g}"),
        }
        for parts, found in errors.items()
    ]
    return {"states": num_states, "errors_in_radians": rows, "r_of_2000": _r_by_step()}


def _r_by_step() -> list[JsonValue]:
    """The r of 2,000 oscillators at twice the critical coupling after 20 time units, by step."""
    rng = np.random.default_rng(4)
    omegas = HALF_WIDTH * rng.standard_cauchy(2000)
    rows: list[JsonValue] = []
    for step in (4 * STEP, 2 * STEP, STEP, STEP / 2, STEP / 4):
        r, _ = order_parameter(integrate(np.zeros(2000), omegas, 2.0, 20.0, step))
        rows.append({"step": step, "r": round(r, 6)})
    return rows


if __name__ == "__main__":
    main()
