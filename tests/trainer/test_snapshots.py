"""Tasks that were cut off between two steps and asked again."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from state import durable, partial
from state.durable import Operation, OutOfSpace
from state.genome import parse
from state.objects import ObjectStore
from state.partial import Progress
from state.records import Genome
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import BatchKey, LearningRateSpan, Teacher, TrainingTask
from tests.cut_off import cut_off
from tests.task_builders import make_training_task
from tests.trainer_runs import with_its_own_run
from trainer import snapshots
from trainer.checkpoint import decode, decode_any
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.member import Batch
from trainer.snapshots import Snapshots
from trainer.training import Chunk

STEPS = 7


@pytest.fixture
def setup(setup: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    """A run of its own for each test."""
    return with_its_own_run(setup, tmp_path / "run")


@pytest.fixture
def eager(setup: WorkerSetup) -> WorkerSetup:
    """A snapshot after every step."""
    return setup.model_copy(update={"snapshot_steps": 1, "snapshot_seconds": 0})


task_of = functools.partial(
    make_training_task,
    generation=2,
    init_seed=11,
    steps=STEPS,
    batches=BatchKey(seed=3, lineage=0, generation=2, purpose="search"),
    learning_rate=LearningRateSpan(first=1.0, last=0.3, warmup_steps=3),
    dropout=0.1,
)


def parent(setup: WorkerSetup, formula: str) -> tuple[str, Genome]:
    task = task_of(formula, task_id="parent", generation=1)
    result = TaskExecutor(setup).execute(task).result
    assert isinstance(result, TrainingResult)
    assert result.checkpoint is not None
    return result.checkpoint, parse(formula)


def comparable(outcome: Outcome) -> object:
    """Everything but times; the checkpoint's sha256 stands for weights and moments."""
    times = {"train_seconds", "eval_seconds", "started_at"}
    rows = [row.model_dump(exclude={"tokens_per_sec", "ms_per_step"}) for row in outcome.rows]
    return outcome.result.model_dump(exclude=times), rows


def progress_of(setup: WorkerSetup, task: TrainingTask) -> Progress | None:
    return TaskExecutor(setup).work.progress(task)


def stored(setup: WorkerSetup) -> set[str]:
    return {path.stem for path in RunFolder(Path(setup.run_folder)).objects.iterdir()}


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize(("old", "new"), [("gelu", "swiglu"), ("swiglu", "gelu")])
def test_a_task_cut_off_anywhere_ends_like_one_that_was_not(
    setup: WorkerSetup, eager: WorkerSetup, old: str, new: str, taught: bool
) -> None:
    sha, genome = parent(setup, old)
    teachers = (Teacher(checkpoint=sha, genome=genome),) if taught else ()
    task = task_of(new, parent=sha, parent_genome=genome, morph_steps=5, teachers=teachers)
    task = task.model_copy(update={"teacher_weight": 0.4 if taught else 0.0})
    whole = TaskExecutor(setup).execute(task)
    assert whole.result.model_dump()["switch_jump"] is not None
    for num_steps in range(1, STEPS):
        cut_off(eager, task, num_steps)
        assert progress_of(eager, task) is not None
        assert comparable(TaskExecutor(setup).execute(task)) == comparable(whole)
        partial.clear(RunFolder(Path(setup.run_folder)))


@pytest.mark.parametrize(("old", "new"), [("gelu", "sin(3*x)"), ("swiglu", "glu(relu(x))")])
def test_a_change_of_function_alone_goes_on_too(
    setup: WorkerSetup, eager: WorkerSetup, old: str, new: str
) -> None:
    sha, genome = parent(setup, old)
    task = task_of(new, parent=sha, parent_genome=genome, morph_steps=5)
    whole = TaskExecutor(setup).execute(task)
    cut_off(eager, task, num_steps=3)
    assert comparable(TaskExecutor(setup).execute(task)) == comparable(whole)


def test_a_task_may_be_cut_off_again_and_again(setup: WorkerSetup, eager: WorkerSetup) -> None:
    sha, genome = parent(setup, "gelu")
    task = task_of("swiglu", parent=sha, parent_genome=genome, morph_steps=4)
    whole = TaskExecutor(setup).execute(task)
    for done in range(1, STEPS):
        cut_off(eager, task, num_steps=1)
        progress = progress_of(eager, task)
        assert progress is not None
        assert len(progress.rows) == done
    assert comparable(TaskExecutor(setup).execute(task)) == comparable(whole)


def test_a_new_member_in_the_other_recipe_goes_on_too(eager: WorkerSetup) -> None:
    model = eager.model.model_copy(update={"recipe": "classic", "dropout": 0.2})
    classic = eager.model_copy(update={"model": model})
    task = task_of("relu2", dropout=None)
    whole = TaskExecutor(classic.model_copy(update={"snapshot_steps": 99})).execute(task)
    cut_off(classic, task, num_steps=3)
    assert comparable(TaskExecutor(classic).execute(task)) == comparable(whole)


def test_skipped_steps_before_the_cut_count_towards_quarantine(eager: WorkerSetup) -> None:
    optimizer = eager.optimizer.model_copy(update={"spike_threshold": 1e-9})
    spiky = eager.model_copy(update={"optimizer": optimizer})
    task = task_of(steps=9)
    cut_off(spiky, task, num_steps=8)
    result = TaskExecutor(spiky).execute(task).result
    assert isinstance(result, TrainingResult)
    assert (result.status, result.steps, result.skipped_steps) == ("quarantined", 9, 9)


# ---- when


def test_no_step_is_taken_twice(eager: WorkerSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    task, original, taken = task_of(), Chunk.batch, list[int]()

    def noted(chunk: Chunk, index: int) -> Batch:
        taken.append(index)
        return original(chunk, index)

    monkeypatch.setattr(Chunk, "batch", noted)
    cut_off(eager, task, num_steps=5)
    TaskExecutor(eager).execute(task)
    assert taken == list(range(STEPS))


@pytest.mark.parametrize(("steps", "seconds", "saved"), [(3, 0, 6), (4, 0, 4), (1, 1e6, 0)])
def test_both_steps_and_seconds_must_have_passed(
    setup: WorkerSetup, steps: int, seconds: float, saved: int
) -> None:
    rhythm = setup.model_copy(update={"snapshot_steps": steps, "snapshot_seconds": seconds})
    task = task_of()
    cut_off(rhythm, task, num_steps=6)
    progress = progress_of(rhythm, task)
    assert (len(progress.rows) if progress else 0) == saved


@pytest.mark.parametrize(
    ("least_seconds", "cost_seconds", "taken_at"),
    [
        (10.0, 0.1, [10, 20, 30, 40, 50]),
        (10.0, 0.5, [10, 35]),
        (0.0, 30.0, [1, 32]),
    ],
)
def test_costly_snapshots_are_taken_less_often(
    setup: WorkerSetup,
    monkeypatch: pytest.MonkeyPatch,
    least_seconds: float,
    cost_seconds: float,
    taken_at: list[int],
) -> None:
    """Steps of a second, each at its end: those of so much cost that share of the time at most."""
    rhythm = setup.model_copy(update={"snapshot_steps": 1, "snapshot_seconds": least_seconds})
    now, task = 0.0, task_of(steps=99)
    monkeypatch.setattr(snapshots, "time", SimpleNamespace(monotonic=lambda: now))
    found, taken = Snapshots(rhythm, task, TaskExecutor(rhythm).work), list[int]()

    def save(_chunk: object) -> None:
        nonlocal now
        taken.append(int(now))
        now += cost_seconds

    monkeypatch.setattr(found, "save", save)
    rows: list[None] = []
    while now < 59:
        now += 1.0
        rows.append(None)
        found.after_step(SimpleNamespace(rows=rows))  # type: ignore[arg-type]
    assert taken == taken_at


def test_the_last_step_is_saved_as_the_outcome_alone(eager: WorkerSetup) -> None:
    TaskExecutor(eager).execute(task_of())
    progress = progress_of(eager, task_of())
    assert progress is not None
    assert len(progress.rows) == STEPS - 1


def test_by_default_short_tasks_are_never_snapshot() -> None:
    defaults = WorkerSetup.model_fields
    assert defaults["snapshot_steps"].default == 20
    assert defaults["snapshot_seconds"].default == 10


def test_there_is_one_snapshot_at_most_and_none_at_the_end(eager: WorkerSetup) -> None:
    task = task_of(save=False)
    before = stored(eager)
    cut_off(eager, task, num_steps=4)
    progress = progress_of(eager, task)
    assert progress is not None
    assert stored(eager) - before == {progress.snapshot}
    executor = TaskExecutor(eager)
    executor.work.finish(task, executor.execute(task))
    assert stored(eager) == before
    assert progress_of(eager, task) is None


def test_the_time_of_every_attempt_is_counted(eager: WorkerSetup) -> None:
    task = task_of()
    cut_off(eager, task, num_steps=3)
    progress = progress_of(eager, task)
    assert progress is not None
    result = TaskExecutor(eager).execute(task).result
    assert isinstance(result, TrainingResult)
    assert result.train_seconds > progress.train_seconds > 0


# ---- what


def test_a_snapshot_names_the_activation_that_is_left(eager: WorkerSetup) -> None:
    sha, genome = parent(eager, "swiglu")
    task = task_of("gelu", parent=sha, parent_genome=genome, morph_steps=4)
    for num_steps, previous in ((2, genome), (3, None)):
        cut_off(eager, task, num_steps)
        progress = progress_of(eager, task)
        assert progress is not None
        data = ObjectStore(RunFolder(Path(eager.run_folder)).objects).read(progress.snapshot)
        snapshot = decode_any(data)
        assert snapshot.description.unfinished is not None
        assert snapshot.description.unfinished.previous == previous
        assert any("w_up" in name for name in snapshot.weights) == (previous is not None)
        with pytest.raises(ValueError, match=r"is of unfinished task \w{12}, not of a finished"):
            decode(data, parse("gelu"), eager.model)


def test_equal_members_in_different_tasks_are_different_snapshots(eager: WorkerSetup) -> None:
    """Else the one that is superseded first would take the other's along."""
    tasks = [task_of(task_id=name, steps=4) for name in ("one", "other")]
    for task in tasks:
        cut_off(eager, task, num_steps=2)
    one, other = (progress_of(eager, task) for task in tasks)
    assert one is not None
    assert other is not None
    assert one.snapshot != other.snapshot
    results = [TaskExecutor(eager).execute(task).result for task in tasks]
    assert len({result.model_dump()["checkpoint"] for result in results}) == 1


def test_a_member_at_rest_says_nothing_of_snapshots(setup: WorkerSetup) -> None:
    """Its bytes, and so its name, are what they were before there were any."""
    sha, _ = parent(setup, "gelu")
    data = ObjectStore(RunFolder(Path(setup.run_folder)).objects).read(sha)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert "unfinished" not in header["__metadata__"]["symbio"]


# ---- damage


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [flip, empty, Path.unlink])
@pytest.mark.parametrize("victim", ["progress", "snapshot"])
def test_what_is_damaged_is_done_again(
    setup: WorkerSetup, eager: WorkerSetup, victim: str, harm: Callable[[Path], object]
) -> None:
    task = task_of()
    whole = comparable(TaskExecutor(setup).execute(task))
    cut_off(eager, task, num_steps=4)
    work = TaskExecutor(eager).work
    progress = work.progress(task)
    assert progress is not None
    record = work.folder / f"{work.key(task)}.progress.json"
    harm(record if victim == "progress" else work.objects.path(progress.snapshot))
    assert work.progress(task) is None
    executor = TaskExecutor(eager)
    outcome = executor.execute(task)
    executor.work.finish(task, outcome)
    assert comparable(outcome) == whole


@pytest.mark.parametrize("operation", ["write", "fsync", "replace", "delete"])
def test_a_full_disk_leaves_the_snapshot_before(
    setup: WorkerSetup, eager: WorkerSetup, operation: Operation
) -> None:
    task = task_of()
    whole = comparable(TaskExecutor(setup).execute(task))
    cut_off(eager, task, num_steps=3)

    def full(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(28, "injected")

    with durable.intercepted(full), pytest.raises(OSError, match=r"injected|disk is full") as error:
        TaskExecutor(eager).execute(task)
    assert isinstance(error.value, OutOfSpace) == (operation != "delete")
    progress = progress_of(eager, task)
    assert progress is not None
    assert len(progress.rows) == (3 if operation != "delete" else 4)
    assert comparable(TaskExecutor(setup).execute(task)) == whole
