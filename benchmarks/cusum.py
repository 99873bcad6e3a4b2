"""What do the CUSUM charts promise, and do they keep it?

python -m benchmarks.cusum --logs RUN/metrics.jsonl [...]

False alarms, run lengths and detection delays of the standardised chart, of the documents' raw
one and of the monitor that the original ran, from simulation and from logs of real runs; beside
Siegmund's approximation. One core, a few minutes.
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from benchmarks.cusum_real import real_runs
from benchmarks.cusum_signals import NOISES, Array, Kind, noise, read_logs
from benchmarks.cusum_theory import run_length
from benchmarks.cusum_twin import AsBuilt, Known, Raw, Running, Sums, Window, first_alarms
from benchmarks.recording import write_result
from trainer.instruments.cusum_baseline import OPENING
from trainer.instruments.cusum_calibration import LIMITS, RATES, calibrated_threshold

STEPS = 1000
EVALUATIONS = 100
"""Steps between two values of the search loss."""
H5 = calibrated_threshold(5)


def main() -> None:
    """Run the study and write results/cusum.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", nargs="*", type=Path, default=[], help="metrics.jsonl of runs")
    arguments = parser.parse_args()
    started = time.process_time()
    logs = [log for path in arguments.logs for log in read_logs(path)]
    parts: dict[str, Callable[[], JsonValue]] = {
        "limits": limits,
        "in_control": in_control,
        "family": family,
        "delays": delays,
        "collapse": collapse,
        "theory": theory,
        "real": lambda: real_runs(logs),
    }
    figures: dict[str, JsonValue] = {}
    for name, part in parts.items():
        figures[name] = part()
        print(f"{name}: {time.process_time() - started:.0f} s", flush=True)
    figures["cpu_seconds"] = round(time.process_time() - started)
    print(write_result("cusum", figures))


def limits() -> JsonValue:
    """The table of cusum_calibration: quantiles of the largest sum of a one-sided chart."""
    drifts = list(LIMITS)
    worst = np.zeros((len(drifts), len(RATES)))
    for kind in NOISES:
        rng = np.random.default_rng(7)
        baseline, sums = Running(), Sums(drifts)
        up = down = np.zeros((len(drifts), 1))
        for value in islice(noise(kind, 20_000, rng), OPENING + STEPS):
            sums.add(baseline.deviation(value))
            up, down = np.maximum(up, sums.up), np.maximum(down, sums.down)
        both = np.concatenate([up, down], axis=1)
        worst = np.maximum(worst, np.quantile(both, 1 - np.array(RATES), axis=1).T)
    table: dict[str, JsonValue] = {
        str(drift): [round(float(h), 2) for h in row]
        for drift, row in zip(drifts, worst, strict=True)
    }
    return {"rates": list(RATES), "h_by_drift": table}


def in_control() -> JsonValue:
    """Run lengths of one one-sided chart without any change, in values after its opening."""
    charts = {
        "standardised, h of one chart": (Running, OPENING, 0.5, calibrated_threshold(1)),
        "standardised, h of five": (Running, OPENING, 0.5, H5),
        "documents, k .5, h 2": (Raw, 0, 0.5, 2.0),
        "as built, k 0, h 4": (AsBuilt, 10, 0.0, 4.0),
    }
    rows: list[JsonValue] = []
    for name, (baseline, opening, drift, limit) in charts.items():
        steps = 20_000 if baseline is Running else 5_000
        for kind in NOISES:
            values = islice(noise(kind, 1000, np.random.default_rng(1)), opening + steps)
            first = first_alarms(baseline(), values, limit, drift=drift) - opening
            rows.append({"chart": name, "noise": kind, "h": limit, **_lengths(first, steps)})
    return rows


def _lengths(first: Array, steps: int) -> dict[str, JsonValue]:
    """Mean run length with the runs that were cut off; median where half of them alarmed."""
    alarms = int(np.isfinite(first).sum())
    median = float(np.median(first))
    return {
        "within_1000": float((first <= STEPS).mean()),
        "mean": float(np.minimum(first, steps).sum() / alarms) if alarms else None,
        "median": median if np.isfinite(median) else None,
        "alarms": alarms,
        "simulated_to": steps,
    }


def family() -> JsonValue:
    """Chance that any of the five charts alarms within 1,000 steps after the opening."""
    return {
        "standardised": {kind: float((_family(kind) <= STEPS).mean()) for kind in NOISES},
        "standardised, after a switch": {
            kind: float((_family(kind, switched=True) <= STEPS).mean()) for kind in NOISES
        },
        "documents, in sigmas": {
            kind: float((_raw_family(kind) <= STEPS).mean()) for kind in NOISES
        },
        "as built": {kind: _as_built(kind) for kind in NOISES},
    }


def _family(kind: Kind, *, switched: bool = False, replications: int = 8000) -> Array:
    """A switch gives the gradient norm and clipping new baselines and a head start."""
    rng, ahead = np.random.default_rng(2), H5 / 2 if switched else 0.0
    first = np.full(replications, np.inf)
    for sides, head_start in ((("up", "down"), ahead), (("up",), ahead), (("down",), 0.0)):
        values = islice(noise(kind, replications, rng), OPENING + STEPS)
        alarms = first_alarms(Running(), values, H5, sides=sides, head_start=head_start)
        first = np.minimum(first, alarms - OPENING)
    values = islice(noise(kind, replications, rng), STEPS // EVALUATIONS)
    return np.asarray(np.minimum(first, first_alarms(Window(), values, H5) * EVALUATIONS))


def _raw_family(kind: Kind, replications: int = 4000) -> Array:
    rng = np.random.default_rng(2)
    first = np.full(replications, np.inf)
    for sides in (("up", "down"), ("up",), ("down",)):
        values = islice(noise(kind, replications, rng), STEPS)
        first = np.minimum(first, first_alarms(Raw(), values, 2.0, sides=sides))
    return first


def _as_built(kind: Kind, replications: int = 4000) -> JsonValue:
    """The original's monitor on one signal: first alarm, and share of steps in alarm."""
    baseline, sums = AsBuilt(), Sums([0.0])
    first, alarmed = np.full(replications, np.inf), 0.0
    for count, value in enumerate(
        islice(noise(kind, replications, np.random.default_rng(3)), STEPS), 1
    ):
        sums.add(baseline.deviation(value))
        over = sums.up[0] > 4
        alarmed += float(over.mean())
        first = np.where(over & np.isinf(first), count, first)
    return {
        "within_1000": float((first <= STEPS).mean()),
        "median_first_alarm": float(np.median(first)),
        "share_of_steps_in_alarm": alarmed / STEPS,
    }


def delays(changed_at: int = 300, wait: int = 500, replications: int = 4000) -> JsonValue:
    """Steps until a change is seen by a chart with the h of five that has run 300 steps."""
    cases: list[tuple[str, Kind, float]] = [("iid", "iid", 0.0), ("ar.5", "ar.5", 0.0)]
    cases += [("t3", "t3", 0.0), ("ar.8 t3", "ar.8 t3", 0.0), ("iid, 5 % NaN", "iid", 0.05)]
    changes = {f"shift {size}": (float(size), 0.0) for size in (1, 2, 3)}
    changes["drift .01 a step"], changes["drift .02 a step"] = (0.0, 0.01), (0.0, 0.02)
    rows: list[JsonValue] = []
    for case, kind, missing in cases:
        for change, (shift, slope) in changes.items():
            rng = np.random.default_rng(4)
            seen = rng.random(changed_at + wait) >= missing
            ages = np.arange(changed_at + wait) - changed_at + 1
            values = (
                value + (shift + slope * age if age > 0 else 0.0)
                for value, age, is_seen in zip(
                    noise(kind, replications, rng), ages, seen, strict=False
                )
                if is_seen
            )
            first = first_alarms(Running(), values, H5)
            # The n-th value that was seen came at this step.
            steps = np.append(ages[seen], np.iinfo(np.int64).max)
            index = np.where(np.isfinite(first), first - 1, len(steps) - 1).astype(int)
            rows.append({"noise": case, "change": change, **_delay(steps[index], wait)})
    return rows


def _delay(ages: Array, wait: int) -> dict[str, JsonValue]:
    """Of the replications without a false alarm before the change."""
    ages = ages[ages > 0]
    seen = ages[ages <= wait]
    if not len(seen):
        return {"seen": 0.0, "median": None, "p90": None}
    return {
        "seen": round(len(seen) / len(ages), 4),
        "median": float(np.median(seen)),
        "p90": float(np.quantile(seen, 0.9)),
    }


def collapse(replications: int = 4000) -> JsonValue:
    """A fall from 7,000 to 2,600 tokens a second: steps until the chart has seen it."""
    rows: list[JsonValue] = []
    for spread, kind, changed_at in product((0.03, 0.1, 0.3), NOISES, (100, 1000)):
        speeds = noise(kind, replications, np.random.default_rng(5))
        values = (
            np.log(7000 if step < changed_at else 2600) + spread * value
            for step, value in enumerate(islice(speeds, changed_at + 100))
        )
        first = first_alarms(Running(0.02), values, H5, sides=("down",)) - changed_at
        row = {"noise": kind, "spread": spread, "steps_before": changed_at}
        within = float((first[first > 0] <= 10).mean())
        rows.append({**row, "within_10": within, **_delay(first, 100)})
    return rows


def theory() -> JsonValue:
    """The textbook chart, with known location and scale, beside Siegmund's approximation."""
    rows: list[JsonValue] = []
    for limit in (3.0, 4.0, 5.0):
        for shift in (0.0, 0.5, 1.0, 2.0):
            expected = run_length(limit, 0.5, shift)
            rng, replications = np.random.default_rng(6), 20_000 if expected < 100 else 4000
            values = (value + shift for value in noise("iid", replications, rng))
            first = first_alarms(Known(), islice(values, int(12 * expected) + 50), limit)
            row = {"h": limit, "shift": shift, "siegmund": round(expected, 2)}
            rows.append({**row, "simulated": round(float(first.mean()), 2)})
    rows.append({"h": H5, "shift": 0.0, "siegmund": round(run_length(H5, 0.5, 0.0))})
    return rows


if __name__ == "__main__":
    main()
