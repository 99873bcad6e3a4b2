"""The main job as a user runs it: what it costs, what it reaches, beside baselines of its budget.

python -m benchmarks.main_job --data TEXT --budget 2000 --seeds 3 --control gelu

Each seed is one run of the command line in a folder of its own; figures come from its report.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import fmean, stdev

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result


def main() -> None:
    """Run every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/historic.txt")
    parser.add_argument("--budget", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--control", default="gelu")
    parser.add_argument("--name", default="main-job", help="of the result file")
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.seeds):
        rows.append(run(arguments.data, arguments.budget, seed, arguments.control))
        print(json.dumps(rows[-1]), flush=True)
    figures: dict[str, JsonValue] = {
        "data": Path(arguments.data).name,
        "budget": arguments.budget,
        "runs": rows,
        "gain_over_control": _paired(rows),
    }
    print(write_result(arguments.name, figures))


def run(data: str, budget: int, seed: int, control: str) -> JsonValue:
    """One run; the figures of its report that a reader asks for."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        command = [*PROGRAM, "--data", data, "--json"]
        command += ["--budget", str(budget), "--seed", str(seed), "--run-dir", str(folder)]
        subprocess.run(
            [*command, "--control", control or "none"], check=True, stdout=subprocess.DEVNULL
        )
        report = json.loads((folder / "final-report.json").read_text(encoding="utf-8"))
    wall = report["wall"]
    return {
        "seed": seed,
        "spent": report["budget"]["spent"],
        "gates": {phase["name"]: phase["gate"]["verdict"] for phase in report["phases"]},
        "winner": report["winner"]["formula"],
        "accepted": report["population"]["accepted"],
        "evaluated": report["population"]["evaluated"],
        "test": report["test"]["bits_per_byte"],
        "search": report["search"]["bits_per_byte"],
        "untrained": report["untrained"]["bits_per_byte"],
        "order2": report["order2"]["bits_per_byte"],
        "control": {one["name"]: one["bits_per_byte"] for one in report["control"]},
        "seconds": sum(part["seconds"] for part in wall.values()),
        "share": {name: round(part["share"], 4) for name, part in wall.items()},
        "first_step_seconds": report["first_step_seconds"],
        "model_sha256": report["model_sha256"],
    }


def _paired(rows: list[JsonValue]) -> JsonValue:
    """Mean and spread over seeds of control less ours on the test split; positive is better."""
    gains: dict[str, list[float]] = {}
    for row in rows:
        assert isinstance(row, dict)
        controls, ours = row["control"], row["test"]
        assert isinstance(controls, dict)
        assert isinstance(ours, float)
        for name, bits in controls.items():
            assert isinstance(bits, float)
            gains.setdefault(name, []).append(bits - ours)
    return {
        name: {
            "mean": fmean(values),
            "spread": stdev(values) if len(values) > 1 else None,
            "seeds": len(values),
        }
        for name, values in gains.items()
    }


if __name__ == "__main__":
    main()
