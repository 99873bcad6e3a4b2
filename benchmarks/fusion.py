"""Does fusion within a lineage pay? Whole runs with it and without it, paired by seed.

python -m benchmarks.fusion --data historic.txt --runs FOLDER

A small model and 4,000 steps. The strength is that of the phases, and ten times as much: the
figures are bits per byte on the search split, of the best lineage where Oxidation ends, and of the
finished model. A run that is in FOLDER already is read and not made again.
"""

import argparse
import json
import subprocess
from pathlib import Path
from statistics import fmean, stdev

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result
from orchestrator.phases import SIX_PHASES

FLAGS = (
    *("--dim", "32", "--heads", "2", "--layers", "2", "--block", "64", "--batch", "8"),
    *("--vocab", "512", "--budget", "4000", "--engine", "inline", "--plain"),
)
ARMS: dict[str, float] = {"off": 0.0, "as configured": 1.0, "ten times": 10.0}
"""How many times the phases' strength."""
PHASES = ("oxidation", "homeostasis")


def main() -> None:
    """Make what is missing, seeds outermost, print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/fusion"))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ARMS}
    for seed in range(arguments.seeds):
        for name in ARMS:
            found[name].append(made(arguments.data, name, seed, arguments.runs))
    rows: list[JsonValue] = []
    for name in ARMS:
        row: dict[str, JsonValue] = {"arm": name}
        for phase in PHASES:
            ours, plain = ([one[phase] for one in found[arm]] for arm in (name, "off"))
            less = [a - b for a, b in zip(ours, plain, strict=True)]
            row[phase] = {
                "bits_per_byte": [round(value, 5) for value in ours],
                "less_off": fmean(less),
                "stdev": stdev(less) if len(less) > 1 else None,
            }
            print(f"{name:15} {phase:12} {fmean(ours):.4f} {fmean(less):+.4f}")
        rows.append(row)
    print(write_result("fusion", {"flags": list(FLAGS), "arms": rows}))


def made(data: str, name: str, seed: int, runs: Path) -> dict[str, float]:
    """Search bits per byte at the end of the phases of one run."""
    folder = runs / f"{name.replace(' ', '-')}-{seed}"
    report = folder / "final-report.json"
    if not report.exists():
        runs.mkdir(parents=True, exist_ok=True)
        file = folder.with_suffix(".json")
        file.write_text(json.dumps(configuration(ARMS[name])), encoding="utf-8")
        command = [*PROGRAM, "--data", data, *FLAGS]
        command += ["--config", str(file), "--seed", str(seed), "--run-dir", str(folder)]
        subprocess.run(command, check=True)
    phases = json.loads(report.read_text(encoding="utf-8"))["phases"]
    bits = {phase["name"]: float(phase["bits_per_byte"]) for phase in phases}
    return {name: bits[name] for name in PHASES}


def configuration(strength: float) -> dict[str, JsonValue]:
    """Fusion at so many times the phases' strength."""
    phases = [
        phase.model_copy(update={"fusion": tuple(strength * one for one in phase.fusion)})
        for phase in SIX_PHASES
    ]
    return {
        "engine": {"host_threads": 1},
        "evolution": {"fusion": strength > 0},
        "phases": [phase.model_dump(mode="json") for phase in phases],
    }


if __name__ == "__main__":
    main()
