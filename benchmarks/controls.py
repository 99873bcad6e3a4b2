"""Do the controls of `train` pay? One small model, arms paired by seed, equal budgets.

python -m benchmarks.controls --data historic.txt --runs FOLDER

Every arm has `--symbio`, the default recipe's rates, a fixed batch and 2,000 steps of 512 tokens;
the steps of challengers are part of them. The figure is bits per byte of the best checkpoint on the
whole search split. A run that is in FOLDER already is read and not made again.
"""

import argparse
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result

CONFIGURATION = (
    *("--symbio", "--layers", "2", "--heads", "2", "--dim", "64", "--block", "64", "--batch", "8"),
    *("--lr", "6e-3", "--warmup", "100", "--grad-clip", "1", "--spike-threshold", "0"),
    *("--tokenizer", "bpe", "--vocab", "512", "--iters", "2000", "--sample-interval", "0"),
)
WINDOWS = ("--challenge-interval", "500", "--challenge-steps", "250")


class Arm(NamedTuple):
    """One way to train."""

    baseline: str
    """The arm it is compared with."""
    activation: str = "gelu"
    flags: tuple[str, ...] = ()
    symbio: Mapping[str, JsonValue] = {}


ARMS = {
    "gelu": Arm("gelu"),
    "free energy .001": Arm("gelu", symbio={"freeEnergyWeight": 0.001}),
    "free energy .01": Arm("gelu", symbio={"freeEnergyWeight": 0.01}),
    "free energy .1": Arm("gelu", symbio={"freeEnergyWeight": 0.1}),
    "temperature": Arm("gelu", symbio={"temperatureControl": True}),
    "windows": Arm("gelu", flags=WINDOWS),
    "windows on alarm": Arm("gelu", flags=("--challenge-on-alarm", "--challenge-steps", "250")),
    "tanh": Arm("tanh", activation="tanh"),
    "tanh, windows": Arm("tanh", activation="tanh", flags=WINDOWS),
}


def main() -> None:
    """Make what is missing, seeds outermost, print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/controls"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    reports: dict[str, list[dict[str, JsonValue]]] = {name: [] for name in ARMS}
    for seed in range(arguments.seeds):
        for name in ARMS:
            reports[name].append(made(arguments.data, name, seed, arguments.runs))
    bits = {name: [_bits(one) for one in found] for name, found in reports.items()}
    rows: list[JsonValue] = []
    for name, arm in ARMS.items():
        differences = [a - b for a, b in zip(bits[name], bits[arm.baseline], strict=True)]
        spread = stdev(differences) if len(differences) > 1 else None
        lent = [_whole(one, "challenger_steps") for one in reports[name]]
        taken = [_places_taken(one) for one in reports[name]]
        rows.append(
            {
                "arm": name,
                "bits_per_byte": list(bits[name]),
                "mean": fmean(bits[name]),
                "less_baseline": fmean(differences),
                "stdev_of_differences": spread,
                "challenger_steps": list(lent),
                "places_taken": list(taken),
            }
        )
        print(f"{name:20} {fmean(bits[name]):.4f} {fmean(differences):+.4f} +- {spread or 0:.4f}")
    print(write_result("controls", {"flags": list(CONFIGURATION), "arms": rows}))


def made(data: str, name: str, seed: int, runs: Path) -> dict[str, JsonValue]:
    """The final report of one run."""
    arm = ARMS[name]
    folder = runs / f"{name.replace(' ', '-')}-{seed}"
    report = folder / "final-report.json"
    if not report.exists():
        runs.mkdir(parents=True, exist_ok=True)
        symbio = folder.with_suffix(".json")
        symbio.write_text(json.dumps({"adaptiveBatch": False, **arm.symbio}), encoding="utf-8")
        command = [*PROGRAM, "train", "--data", data, "--plain"]
        command += [*CONFIGURATION, *arm.flags, "--activation", arm.activation]
        command += ["--symbio-config", str(symbio), "--seed", str(seed)]
        subprocess.run([*command, "--run-dir", str(folder)], check=True)
    loaded: dict[str, JsonValue] = json.loads(report.read_text(encoding="utf-8"))
    return loaded


def _bits(report: dict[str, JsonValue]) -> float:
    search = report["search"]
    assert isinstance(search, dict)
    bits = search["bits_per_byte"]
    assert isinstance(bits, float)
    return bits


def _whole(report: dict[str, JsonValue], name: str) -> int:
    value = report[name]
    assert isinstance(value, int)
    return value


def _places_taken(report: dict[str, JsonValue]) -> int:
    decisions = report["decisions"]
    assert isinstance(decisions, list)
    return sum("takes the place" in json.dumps(decision) for decision in decisions)


if __name__ == "__main__":
    main()
