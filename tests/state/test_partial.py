"""Work that was remembered, and work that must be done again."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from state import durable, partial
from state.durable import Operation, OutOfSpace
from state.genome import parse
from state.objects import ObjectStore
from state.partial import PartialWork, Progress, objects_in_progress
from state.records import BatteryReport, StepMetrics
from state.run_folder import RunFolder
from state.tasks import (
    BaselineResult,
    BaselineTask,
    BatchKey,
    BatteryResult,
    BatteryTask,
    EnsembleResult,
    EnsembleTask,
    EvaluationResult,
    EvaluationTask,
    Outcome,
    Task,
    TrainingResult,
    TrainingTask,
)

REPOSITORY = Path(__file__).parents[2]
GELU = parse("gelu")
CONTEXT: dict[str, JsonValue] = {"setup": {"dim": 64}, "environment": {"torch": "2.13.0"}}
TRAINING = TrainingTask(
    task_id="g00001-l0",
    phase="cambrian",
    generation=1,
    lineage=0,
    role="champion",
    genome=GELU,
    parent=None,
    parent_genome=GELU,
    init_seed=2**127 - 1,
    first_step=1,
    steps=40,
    batches=BatchKey(seed=1, lineage=0, generation=1, purpose="search"),
)
REPORT = BatteryReport(
    phase="cambrian", generation=1, composite=0.1, probes=(), samples=(), tokens_per_sec=1 / 3
)
OTHERS: list[tuple[Task, Outcome]] = [
    (
        EvaluationTask(task_id="e", genome=GELU, checkpoint=None, init_seed=0, splits=("search",)),
        Outcome(result=EvaluationResult(task_id="e", evaluation_flops=1e300)),
    ),
    (
        EnsembleTask(task_id="x", models=()),
        Outcome(result=EnsembleResult(task_id="x", disagreement=0.1 + 0.2)),
    ),
    (
        BatteryTask(
            task_id="b", phase="cambrian", generation=1, genome=GELU, checkpoint="0" * 64, seed=3
        ),
        Outcome(result=BatteryResult(task_id="b", report=REPORT)),
    ),
    (BaselineTask(task_id="o"), Outcome(result=BaselineResult(task_id="o", bits_per_byte=2.7))),
]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


@pytest.fixture
def work(folder: RunFolder) -> PartialWork:
    return PartialWork(folder, CONTEXT)


def row(step: int) -> StepMetrics:
    return StepMetrics(
        phase="cambrian",
        generation=1,
        member_id="g00001-l0",
        step=step,
        loss=None if step % 5 == 0 else 1 / step,
        learning_rate=3e-3,
        grad_norm=0.1,
        clip_coef=None,
        clip_pct=None,
        skipped=step % 5 == 0,
        tokens_per_sec=1000.0,
        ms_per_step=10.5,
    )


def trained(work: PartialWork, weights: bytes = b"weights") -> Outcome:
    result = TrainingResult(
        task_id=TRAINING.task_id,
        status="trained",
        checkpoint=work.objects.publish(weights),
        checkpoint_bytes=len(weights),
        steps=40,
    )
    return Outcome(result=result, rows=tuple(row(step) for step in range(1, 41)))


def progressed(work: PartialWork, steps: int) -> Progress:
    weights = f"weights after {steps}".encode()
    return Progress(
        snapshot=work.objects.publish(weights),
        snapshot_bytes=len(weights),
        rows=tuple(row(step) for step in range(1, steps + 1)),
        switch_jump=-0.1,
        measured_genomes=(GELU, parse("swiglu")),
    )


def names(folder: RunFolder) -> set[str]:
    return {path.stem for path in folder.objects.iterdir()}


# ---- what comes back


@pytest.mark.parametrize(("task", "outcome"), OTHERS)
def test_an_outcome_of_every_kind_comes_back_bit_for_bit(
    work: PartialWork, task: Task, outcome: Outcome
) -> None:
    assert work.outcome(task) is None
    work.finish(task, outcome)
    assert work.outcome(task) == outcome


def test_a_training_comes_back_with_its_rows(work: PartialWork, folder: RunFolder) -> None:
    outcome = trained(work)
    work.finish(TRAINING, outcome)
    assert PartialWork(folder, CONTEXT).outcome(TRAINING) == outcome


@settings(max_examples=40, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters()))
def test_any_finite_number_and_any_text_come_back(
    tmp_path_factory: pytest.TempPathFactory, number: float, text: str
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.create()
    work, task = PartialWork(folder, CONTEXT), BaselineTask(task_id="o")
    outcome = Outcome(result=BaselineResult(task_id=text, bits_per_byte=number))
    work.finish(task, outcome)
    found = work.outcome(task)
    assert found == outcome
    assert isinstance(found.result, BaselineResult)
    assert (found.result.bits_per_byte or 0.0).hex() == (number or 0.0).hex()


def test_another_question_has_another_answer(work: PartialWork, folder: RunFolder) -> None:
    work.finish(TRAINING, trained(work))
    work.advance(TRAINING, progressed(work, 20))
    others: list[tuple[PartialWork, TrainingTask]] = [
        (work, TRAINING.model_copy(update={"threads": 2})),
        (work, TRAINING.model_copy(update={"steps": 41})),
        (PartialWork(folder, {**CONTEXT, "setup": {"dim": 65}}), TRAINING),
        (PartialWork(folder, {**CONTEXT, "environment": {"torch": "2.14.0"}}), TRAINING),
    ]
    for one, task in others:
        assert one.outcome(task) is None
        assert one.progress(task) is None
    assert work.outcome(TRAINING) is not None


# ---- progress


def test_progress_replaces_progress_and_its_snapshot(work: PartialWork, folder: RunFolder) -> None:
    for steps in (20, 25, 30):
        progress = progressed(work, steps)
        work.advance(TRAINING, progress)
        assert work.progress(TRAINING) == progress
        assert names(folder) == {progress.snapshot}


def test_advancing_to_the_same_snapshot_keeps_it(work: PartialWork) -> None:
    progress = progressed(work, 20)
    work.advance(TRAINING, progress)
    work.advance(TRAINING, progress)
    assert work.progress(TRAINING) == progress


def test_the_end_of_a_task_leaves_its_outcome_alone(work: PartialWork, folder: RunFolder) -> None:
    work.advance(TRAINING, progressed(work, 20))
    outcome = trained(work)
    work.finish(TRAINING, outcome)
    assert work.progress(TRAINING) is None
    assert (
        objects_in_progress(folder) == names(folder) == {outcome.result.model_dump()["checkpoint"]}
    )
    assert len(list(folder.partial.iterdir())) == 1


def test_progress_without_a_step_is_none(work: PartialWork) -> None:
    with pytest.raises(ValueError, match="rows"):
        Progress(snapshot="0" * 64, snapshot_bytes=1, rows=())


# ---- damage


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [flip, tear, Path.unlink])
@pytest.mark.parametrize("pattern", ["partial/*.outcome.json", "objects/*"])
def test_a_damaged_outcome_is_absent_until_it_is_done_again(
    work: PartialWork, folder: RunFolder, pattern: str, harm: Callable[[Path], object]
) -> None:
    outcome = trained(work)
    work.finish(TRAINING, outcome)
    harm(next(folder.root.glob(pattern)))
    assert work.outcome(TRAINING) is None
    work.finish(TRAINING, trained(work))
    assert work.outcome(TRAINING) == outcome


@pytest.mark.parametrize("harm", [flip, tear, Path.unlink])
@pytest.mark.parametrize("pattern", ["partial/*.progress.json", "objects/*"])
def test_damaged_progress_is_absent_until_there_is_more(
    work: PartialWork, folder: RunFolder, pattern: str, harm: Callable[[Path], object]
) -> None:
    work.advance(TRAINING, progressed(work, 20))
    harm(next(folder.root.glob(pattern)))
    assert work.progress(TRAINING) is None
    further = progressed(work, 25)
    work.advance(TRAINING, further)
    assert work.progress(TRAINING) == further


def test_any_flipped_bit_of_an_outcome_is_noticed(work: PartialWork, folder: RunFolder) -> None:
    task, outcome = OTHERS[3]
    work.finish(task, outcome)
    path = next(folder.partial.iterdir())
    data = bytearray(path.read_bytes())
    for bit in range(0, 8 * (len(data) - 1), 5):  # the last byte is a newline
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert work.outcome(task) is None
        data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    assert work.outcome(task) == outcome


def test_what_cannot_be_read_is_absent(work: PartialWork, folder: RunFolder) -> None:
    work.advance(TRAINING, progressed(work, 20))
    replace_by_folder(next(folder.partial.iterdir()))
    assert work.progress(TRAINING) is None
    assert objects_in_progress(folder) == set()


# ---- collection and the end of a stage


def test_collection_keeps_what_partial_work_names(work: PartialWork, folder: RunFolder) -> None:
    progress, outcome = progressed(work, 20), trained(work)
    work.advance(TRAINING.model_copy(update={"task_id": "other"}), progress)
    work.finish(TRAINING, outcome)
    work.objects.publish(b"nobody's")
    work.objects.collect(objects_in_progress(folder))
    assert names(folder) == {progress.snapshot, outcome.result.model_dump()["checkpoint"]}


def test_clearing_forgets_everything_twice(work: PartialWork, folder: RunFolder) -> None:
    partial.clear(folder)
    work.advance(TRAINING.model_copy(update={"task_id": "other"}), progressed(work, 20))
    work.finish(TRAINING, trained(work))
    (folder.partial / ".x.outcome.json.1-ab.tmp").write_bytes(b"torn")
    for _ in range(2):
        partial.clear(folder)
        assert list(folder.partial.iterdir()) == []
        assert objects_in_progress(folder) == set()


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_progress_before(work: PartialWork, operation: Operation) -> None:
    before, further = progressed(work, 20), progressed(work, 25)
    work.advance(TRAINING, before)

    def full(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(28, "injected")

    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        work.advance(TRAINING, further)
    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        work.finish(TRAINING, trained(work))
    assert work.progress(TRAINING) == before
    assert work.outcome(TRAINING) is None


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from state import durable
from state.partial import PartialWork, Progress
from state.run_folder import RunFolder
from state.tasks import Outcome, TrainingTask

folder, countdown = RunFolder(Path(sys.argv[1])), int(sys.argv[2])
task = TrainingTask.model_validate_json(sys.argv[3])
further = Progress.model_validate_json(sys.argv[4])
outcome = Outcome.model_validate_json(sys.argv[5])

def kill(operation, path):
    global countdown
    countdown -= 1
    if countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)

with durable.intercepted(kill):
    work = PartialWork(folder, {})
    work.advance(task, further)
    work.finish(task, outcome)
"""


def test_a_kill_at_any_operation_leaves_one_state_or_the_next(folder: RunFolder) -> None:
    work, seen = PartialWork(folder, {}), list[int]()
    for k in range(1, 30):
        partial.clear(folder)
        before, further, outcome = progressed(work, 20), progressed(work, 25), trained(work)
        work.advance(TRAINING, before)
        states: list[Progress | Outcome | None] = [before, further, outcome]
        records = [record.model_dump_json() for record in (TRAINING, further, outcome)]
        command = [sys.executable, "-c", KILLED_AT, str(folder.root), str(k), *records]
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        seen.append(states.index(work.outcome(TRAINING) or work.progress(TRAINING)))
        if done.returncode == 0:
            break
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2}
    assert len(seen) == 12


def test_two_workers_may_do_the_same_task_at_once(folder: RunFolder) -> None:
    """A worker that was thought dead goes on beside the one that took its place."""
    one, other = PartialWork(folder, CONTEXT), PartialWork(folder, CONTEXT)
    one.advance(TRAINING, progressed(one, 20))
    other.advance(TRAINING, progressed(other, 25))
    one.advance(TRAINING, progressed(one, 22))
    other.finish(TRAINING, trained(other))
    one.advance(TRAINING, progressed(one, 27))
    one.finish(TRAINING, trained(one))
    assert one.outcome(TRAINING) == trained(one)
    assert ObjectStore(folder.objects).collect(objects_in_progress(folder)) == 0
