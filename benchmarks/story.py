"""A run of 12,000 steps in which much happens, one revert provoked, and the story it is told as.

python -m benchmarks.story --data historic-prose.txt --run-dir runs/story --seed 0

It begins with identity, which can be improved on, with four lineages, long candidates and a lenient
noise test: with gelu and the defaults no formula is accepted in so few steps.
Oxidation trains at twenty times its learning rate, in the first attempt and in the second: the gate
has to send it back, and then to turn it down. Nothing else is interfered with. Afterwards
`symbio-auto verify RUN --replay` must say the same of every decision.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

from benchmarks.faults.inject import Rate
from orchestrator import cli
from orchestrator.engine import InlineEngine
from orchestrator.phases import SIX_PHASES
from state.results import Outcome
from state.tasks import Task, TrainingTask

MODEL = (
    *("--dim", "48", "--heads", "4", "--layers", "3", "--block", "64", "--batch", "8"),
    *("--engine", "inline", "--plain"),
)
SHARES = (4, 26, 18, 12, 32, 8)
STEPS = {"primordial": 60, "cambrian": 60}
CONFIGURATION = {
    "engine": {"host_threads": 1},
    "evolution": {
        "activation": "x",
        "lineages": 4,
        "false_acceptance": 0.49,
    },
    "phases": [
        {
            **phase.model_dump(mode="json"),
            "share": share,
            "steps_per_candidate": STEPS.get(phase.name, phase.steps_per_candidate),
            "population": max(8, phase.population),
        }
        for phase, share in zip(SIX_PHASES, SHARES, strict=True)
    ],
}
FAULT = Rate(20.0)
PHASE = "oxidation"


def main() -> int:
    """Make the run with the product's own command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--run-dir", default="runs/story")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=12_000)
    arguments = parser.parse_args()
    command = ["--data", arguments.data, "--run-dir", arguments.run_dir, *MODEL]
    folder = Path(arguments.run_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    command += [
        "--config",
        str(file),
        "--budget",
        str(arguments.budget),
        "--seed",
        str(arguments.seed),
    ]
    with patch.object(InlineEngine, "run", _provoked(InlineEngine.run)):
        return cli.main(command)


Run = Callable[[InlineEngine, Sequence[Task], Callable[[], bool]], list[Outcome]]


def _provoked(run: Run) -> Run:
    def wrong(
        engine: InlineEngine, tasks: Sequence[Task], should_stop: Callable[[], bool]
    ) -> list[Outcome]:
        return run(engine, [_altered(task) for task in tasks], should_stop)

    return wrong


def _altered(task: Task) -> Task:
    if isinstance(task, TrainingTask) and task.phase == PHASE:
        return FAULT.alter(task)
    return task


if __name__ == "__main__":
    raise SystemExit(main())
