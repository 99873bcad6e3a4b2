"""Does a device do the same work however it is asked: stacked or alone, again, and after a stop?

    python -m benchmarks.gpu.agreement --out FOLDER

`--deterministic`: the same bits twice, and after an interruption; its cost beside the step without.
Stacked and alone agree within rounding. The engines' contract is that of tests/orchestrator.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from shutil import copytree
from unittest.mock import patch

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.single import trained
from benchmarks.gpu.trainees import composed, run_folder, setup_of, shape_of, task_of
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.snapshots import Snapshots
from trainer.stacked.training import train_together
from trainer.training import Chunk

STEPS = 12
LOSS_BOUND = 0.02
"""In bfloat16, after twelve steps."""


def main() -> None:
    """Bits first, then what they cost."""
    place = Place.of("agreement", flags(__doc__).parse_args())
    rows = Rows(place)
    rows.add("the same bits twice", lambda: twice(place))
    rows.add("the same bits after a stop", lambda: stopped(place))
    rows.add("stacked as alone", lambda: alone(place))
    shape = shape_of(place, "original-17M")
    for repeats in (False, True):
        name = "deterministic" if repeats else "not deterministic"
        rows.add(name, partial(trained, place, shape, repeats=repeats))
    rows.end()


SAVE = Snapshots.save


class StoppedError(Exception):
    """In place of a kill."""


class DyingSnapshots:
    """Saves so many members, and then the program ends."""

    def __init__(self, saves: int) -> None:
        self.left = saves

    def train(self, executor: TaskExecutor, tasks: Sequence[TrainingTask]) -> None:
        """Train until then."""
        with (
            patch.object(Snapshots, "save", autospec=True, side_effect=self.saved),
            suppress(StoppedError),
        ):
            train_together(executor, tasks)

    def saved(self, snapshots: Snapshots, chunk: Chunk) -> None:
        """Save, or end."""
        if self.left == 0:
            raise StoppedError
        self.left -= 1
        SAVE(snapshots, chunk)


def setup_in(place: Place, name: str) -> WorkerSetup:
    """A run of its own with the same text, deterministic, snapshots at every fourth step."""
    folder = RunFolder(place.out / name)
    folder.create()
    copytree(RunFolder(run_folder(place)).data, folder.data, dirs_exist_ok=True)
    shape = shape_of(place, "char-10M", layers=2, batch=16)
    setup = setup_of(place, shape, deterministic=True)
    rhythm = {"snapshot_steps": 4, "snapshot_seconds": 0.0}
    return setup.model_copy(update={"run_folder": str(folder.root), **rhythm})


def tasks() -> list[TrainingTask]:
    """Three members that are saved and measured."""
    return [task_of(i, formula, STEPS) for i, formula in enumerate(("gelu", *composed(2)))]


def checkpoints(outcomes: Sequence[Outcome]) -> list[str | None]:
    """sha256 of weights and moments."""
    results = [one.result for one in outcomes]
    return [one.checkpoint for one in results if isinstance(one, TrainingResult)]


def twice(place: Place) -> Row:
    """The same tasks in two runs."""
    found = [
        checkpoints(train_together(TaskExecutor(setup_in(place, name)), tasks()))
        for name in ("one", "other")
    ]
    return {"ok": found[0] == found[1] and len(set(found[0])) == len(found[0])}


def stopped(place: Place) -> Row:
    """A stack that died after some of its members were saved, and one that did not."""
    whole = checkpoints(train_together(TaskExecutor(setup_in(place, "whole")), tasks()))
    row: Row = {}
    for saves in (3, 4):
        setup = setup_in(place, f"stopped-{saves}")
        DyingSnapshots(saves).train(TaskExecutor(setup), tasks())
        left = any(Path(setup.run_folder).rglob("*.progress.json"))
        again = checkpoints(train_together(TaskExecutor(setup), tasks()))
        row[f"after {saves} saves"] = left and again == whole
    return {**row, "ok": all(row.values())}


def alone(place: Place) -> Row:
    """Last losses of members in a stack and of the same ones by the code without stacks."""
    setup = setup_in(place, "together")
    together = train_together(TaskExecutor(setup), tasks())
    single = [TaskExecutor(setup_in(place, "alone")).execute(task) for task in tasks()]
    pairs = [
        (one.rows[-1].loss, other.rows[-1].loss)
        for one, other in zip(together, single, strict=True)
    ]
    error = max(abs((a or 0.0) - (b or 0.0)) for a, b in pairs)
    return {"ok": error <= LOSS_BOUND, "difference": error, "bound": LOSS_BOUND}


if __name__ == "__main__":
    main()
