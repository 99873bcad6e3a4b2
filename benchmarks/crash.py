"""The crash tables: a kill at every durable operation, and kills at random instants.

    python -m benchmarks.crash operations    a generation, the boundary of a phase, the end of a run
    python -m benchmarks.crash kills         two hundred kills of controller, worker and whole tree
    python -m benchmarks.crash train         both for `symbio-auto train --symbio`

Real training on the smallest shapes; each killed run is resumed and compared with one that was left
alone. A kill shows nothing about a power cut: what was written and not synced survives it.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.kill_test import forked
from orchestrator.kill_test.every_operation import (
    EveryOperation,
    Verdict,
    Window,
    last_generation,
    moments,
)
from orchestrator.kill_test.instruments import SNAPSHOT_STEPS
from orchestrator.kill_test.random_kills import KilledRun, killed_runs, uninterrupted
from orchestrator.kill_test.small_run import Mode, Scratch

BUDGET = 400
TRAIN_BUDGET = 120


def main() -> None:
    """Run one of the three and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("operations", "kills", "train"))
    parser.add_argument("--stride", type=int, default=1, help="of the operations")
    parser.add_argument("--inline", type=int, default=100, help="kills with the inline engine")
    parser.add_argument("--ray", type=int, default=100, help="kills with the Ray engine")
    arguments = parser.parse_args()
    forked.load()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Scratch(Path(temporary))
        numbers = {"inline": arguments.inline, "ray": arguments.ray}
        match arguments.what:
            case "operations":
                found = operations(windows_of_phases(scratch), scratch, arguments.stride)
            case "kills":
                found = kills(scratch, numbers)
            case _:
                found = operations(windows_of_train(scratch), scratch, arguments.stride)
                found |= kills(scratch, numbers, "train")
        print(write_result(f"crash-{arguments.what}", found))


def windows_of_phases(scratch: Scratch) -> dict[str, Window]:
    """The stretches of a run of six phases in which it is killed."""
    last = last_generation(scratch, BUDGET)
    return {
        "last generation of a search phase, boundary, first of the next": Window(
            budget=BUDGET, first=6, last=8
        ),
        "the same stretch resumed after a kill before its last commit": Window(
            budget=BUDGET, first=6, killed=True, last=8
        ),
        "last generation, report and export": Window(budget=BUDGET, first=last - 1, last=None),
    }


def windows_of_train(scratch: Scratch) -> dict[str, Window]:
    """The stretches of a run of one model in which it is killed; a chunk is ten steps."""
    last = last_generation(scratch, TRAIN_BUDGET, "train")
    stretch = Window(mode="train", budget=TRAIN_BUDGET, first=5, last=7)
    ending = Window(mode="train", budget=TRAIN_BUDGET, first=last - 1, last=None)
    return {
        "a chunk in which an alarm changes the batch, a sample, a window with challengers": stretch,
        "the same stretch resumed after a kill before its last commit": stretch.model_copy(
            update={"killed": True}
        ),
        "last chunk, test split, report and export": ending,
    }


def operations(windows: dict[str, Window], scratch: Scratch, stride: int) -> dict[str, JsonValue]:
    """A table for each stretch of a run."""
    tables: dict[str, JsonValue] = {}
    for name, window in windows.items():
        every = EveryOperation(scratch, window)
        verdicts = [every.trial(moment) for moment in moments(every.operations, stride)]
        tables[name] = operations_table(every, verdicts)
    return {"stride": stride, "snapshot_steps": SNAPSHOT_STEPS, "windows": tables}


def operations_table(every: EveryOperation, verdicts: list[Verdict]) -> JsonValue:
    """The operations of a window, and what became of each trial."""
    kinds = Counter(one.operation for one in every.operations)
    unequal = [one for one in verdicts if not one.equal]
    print(f"{len(verdicts)} kills at {len(every.operations)} operations, {len(unequal)} not equal")
    return {
        "num_operations": len(every.operations),
        "operations": dict(sorted(kinds.items())),
        "num_kills": len(verdicts),
        "all_equal": not unequal,
        "worst_repeated_steps": max(one.repeated_steps for one in verdicts),
        "kills": [
            {
                "number": one.number,
                "when": one.when,
                "operation": one.operation,
                "file": _short(one.file),
                "equal": one.equal,
                "repeated_steps": one.repeated_steps,
                "differences": list(one.differences),
            }
            for one in verdicts
        ],
    }


def kills(scratch: Scratch, numbers: dict[str, int], mode: Mode = "phases") -> dict[str, JsonValue]:
    """A table for each engine."""
    tables: dict[str, JsonValue] = {}
    for engine in ("inline", "ray"):
        if numbers[engine]:
            reference = uninterrupted(scratch, engine, mode=mode)
            runs = killed_runs(scratch, reference, kills=numbers[engine], tell=print)
            tables[engine] = kills_table(runs)
            print(json.dumps(tables[engine]))
    return {"snapshot_steps": SNAPSHOT_STEPS, "engines": tables}


def kills_table(runs: list[KilledRun]) -> JsonValue:
    """What the kills of one engine cost, and every run."""
    every = [kill for one in runs for kill in one.kills]
    resumed = {
        victim: [
            kill.resumed_after_seconds
            for kill in every
            if kill.victim == victim and kill.resumed_after_seconds is not None
        ]
        for victim in sorted({kill.victim for kill in every})
    }
    return {
        "num_runs": len(runs),
        "num_kills": dict(sorted(Counter(kill.victim for kill in every).items())),
        "all_equal": not any(one.differences for one in runs),
        "worst_repeated_steps": max(kill.repeated_steps for kill in every),
        "mean_repeated_steps": sum(kill.repeated_steps for kill in every) / len(every),
        "resumed_after_seconds": {victim: _spread(values) for victim, values in resumed.items()},
        "num_orphans": sum(one.num_orphans for one in runs),
        "runs": [one.model_dump(mode="json") for one in runs],
    }


def _spread(values: Iterable[float]) -> JsonValue:
    ordered = sorted(values)
    if not ordered:
        return None
    return {"median": ordered[len(ordered) // 2], "worst": ordered[-1]}


def _short(file: str) -> str:
    """A sha256 by its first digits."""
    folder, _, name = file.rpartition("/")
    sha, dot, rest = name.partition(".")
    return f"{folder}/{sha[:8]}{dot}{rest}" if len(sha) == 64 else file


if __name__ == "__main__":
    main()
