"""What a crash inside a stage repeats, and what a full disk leaves."""

import errno
from pathlib import Path

import pytest

from orchestrator.commits import restore
from orchestrator.run_state import RunState
from state import durable
from state.commit import load_commit
from state.durable import Operation, OutOfSpace
from state.partial import PartialWork, objects_in_progress
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import Task
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config

BUDGET = 120


class KilledError(BaseException):
    """Stands for a kill: nothing may catch it."""


class RememberingEngine(ScriptedEngine):
    """Remembers finished tasks in the run's folder, as workers do."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.work = PartialWork(RunFolder(folder), {})
        self.computed: list[str] = []

    def answer(self, task: Task) -> Outcome:
        remembered = self.work.outcome(task)
        if remembered is not None:
            return remembered
        outcome = super().answer(task)
        if outcome.result.kind == "training" and outcome.result.checkpoint is not None:
            size = self.objects.path(outcome.result.checkpoint).stat().st_size
            result = outcome.result.model_copy(update={"checkpoint_bytes": size})
            outcome = outcome.model_copy(update={"result": result})
        self.work.finish(task, outcome)
        self.computed.append(task.task_id)
        return outcome


def run_in(folder: Path) -> tuple[ScriptedRun, RememberingEngine]:
    engine = RememberingEngine(folder)
    return ScriptedRun(folder, make_config(budget=BUDGET), engine), engine


def play_on(run: ScriptedRun) -> RunState:
    """Go on from the last commit, or begin where there is none."""
    if not run.folder.state.exists():
        return run.play()
    record = load_commit(run.folder).record
    return run.play(restore(record).run, record.journal_bytes)


def resumed(folder: Path) -> tuple[RunState, RememberingEngine]:
    """The end of a run that was left somewhere, and the engine of its last stretch."""
    run, engine = run_in(folder)
    return play_on(run), engine


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """The end of a run that nothing disturbed, and its tasks."""
    run, engine = run_in(tmp_path_factory.mktemp("whole"))
    state = run.play()
    assert state.status == "finished"
    return digest(state), engine.computed


@pytest.mark.parametrize("crash_at", [5, 13])
def test_a_crash_inside_a_stage_repeats_no_finished_task(
    tmp_path: Path, whole: tuple[str, list[str]], crash_at: int
) -> None:
    run, before = run_in(tmp_path)
    before.crash_at = crash_at
    with pytest.raises(KeyboardInterrupt):
        run.play()
    state, after = resumed(tmp_path)
    assert (digest(state), [*before.computed, *after.computed]) == whole


def test_partial_work_lasts_as_long_as_its_stage(tmp_path: Path) -> None:
    run, engine = run_in(tmp_path)
    seen = set()
    for stop_after in range(3, 8):
        engine.stop_after = stop_after
        state = play_on(run)
        is_open = state.work is not None
        assert bool(list(run.folder.partial.iterdir())) == is_open
        seen.add(is_open)
    assert seen == {False, True}


@pytest.mark.parametrize("nth", [1, 6])
def test_a_crash_between_a_commit_and_forgetting_is_harmless(
    tmp_path: Path, whole: tuple[str, list[str]], nth: int
) -> None:
    run, before = run_in(tmp_path)
    left = nth

    def kill(operation: Operation, path: Path) -> None:
        nonlocal left
        left -= operation == "delete" and path.parent.name == "partial"
        if left == 0:
            raise KilledError

    with durable.intercepted(kill), pytest.raises(KilledError):
        run.play()
    assert objects_in_progress(run.folder) or list(run.folder.partial.iterdir())
    state, after = resumed(tmp_path)
    assert (digest(state), [*before.computed, *after.computed]) == whole
    assert list(run.folder.partial.iterdir()) == []


def test_partial_work_of_another_environment_is_not_used(
    tmp_path: Path, whole: tuple[str, list[str]]
) -> None:
    run, before = run_in(tmp_path)
    before.work = PartialWork(run.folder, {"environment": {"torch": "2.12.0"}})
    before.crash_at = 5
    with pytest.raises(KeyboardInterrupt):
        run.play()
    assert objects_in_progress(run.folder)
    state, after = resumed(tmp_path)
    assert digest(state) == whole[0]
    assert len(before.computed) + len(after.computed) > len(whole[1])


@pytest.mark.parametrize(
    ("operation", "nth"),
    [("write", 30), ("fsync", 9), ("replace", 1), ("append", 5), ("database commit", 6)],
)
def test_a_full_disk_stops_the_run_with_its_commit_whole(
    tmp_path: Path, whole: tuple[str, list[str]], operation: Operation, nth: int
) -> None:
    run, _ = run_in(tmp_path)
    left = nth

    def full(now: Operation, _path: Path) -> None:
        nonlocal left
        left -= now == operation
        if now == operation and left <= 0:
            raise OSError(errno.ENOSPC, "injected")

    with durable.intercepted(full), pytest.raises(OSError, match=r"full; free|injected") as error:
        run.play()
    assert error.value.errno == errno.ENOSPC
    assert isinstance(error.value, OutOfSpace) == (operation != "database commit")
    assert "\n" not in str(error.value)
    if run.folder.state.exists():
        assert not load_commit(run.folder).fell_back
    assert digest(resumed(tmp_path)[0]) == whole[0]


def test_deleting_what_nobody_needs_may_fail_on_a_full_disk(
    tmp_path: Path, whole: tuple[str, list[str]]
) -> None:
    """Some file systems need room to delete."""
    run, _ = run_in(tmp_path)

    def full(operation: Operation, _path: Path) -> None:
        if operation == "delete":
            raise OSError(errno.ENOSPC, "injected")

    with durable.intercepted(full), pytest.raises(OSError, match="injected"):
        run.play()
    assert not load_commit(run.folder).fell_back
    assert digest(resumed(tmp_path)[0]) == whole[0]
