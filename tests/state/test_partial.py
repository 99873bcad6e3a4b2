"""Work that was remembered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state import partial
from state.objects import ObjectStore
from state.partial import PartialWork, Progress, objects_in_progress
from state.results import BaselineResult, Outcome
from state.run_folder import RunFolder
from state.tasks import BaselineTask, Task, TrainingTask
from tests.partial_builders import CONTEXT, OTHERS, TRAINING, names, progressed, trained


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
