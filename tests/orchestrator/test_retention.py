"""What stays on disk when nothing needs it any more, and what does not."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.retention import retained
from orchestrator.run_state import LineageState, OpenWork, RunState
from state.commit import SCHEMA_VERSION, CommitRecord, Kept, load_commit
from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.results import Outcome
from state.run_folder import RunFolder
from state.sealed import seal, unseal
from state.tasks import Task, TrainingTask
from tests.builders import GELU, ScriptedEngine, ScriptedRun, digest, make_config, make_state

SCHEMA_1 = Path(__file__).parent / "schema_1"
GB = 1e9


def sha(name: str) -> str:
    """A hash that a person can read."""
    return name.rjust(64, "0")


def sizes(*names: str, num_bytes: int = 10) -> dict[str, int]:
    return {sha(name): num_bytes for name in names}


def state_of(*champions: str, **changes: object) -> RunState:
    lineages = tuple(
        LineageState(index=index, genome=GELU, init_seed=index, checkpoint=sha(name))
        for index, name in enumerate(champions)
    )
    return make_state(make_config()).model_copy(update={"lineages": lineages, **changes})


def after(*generations: tuple[str, ...], limit: int) -> Kept:
    """What is kept when each of `generations` needed these objects in its turn."""
    kept = Kept()
    for names in generations:
        kept = retained(kept, state_of(), sizes(*names), limit / GB)
    return kept


def forgotten(kept: Kept, *needed: str) -> list[str]:
    return [name.lstrip("0") for name, _ in kept.earlier if name not in sizes(*needed)]


# ---- older generations


def test_older_generations_go_oldest_first_once_they_do_not_fit() -> None:
    history = [("a",), ("b",), ("c",), ("d",)]
    assert forgotten(after(*history, limit=30), "d") == ["c", "b", "a"]
    assert forgotten(after(*history, limit=29), "d") == ["c", "b"]
    assert forgotten(after(*history, limit=0), "d") == []


def test_what_is_needed_again_is_new_again_and_costs_nothing() -> None:
    assert forgotten(after(("a",), ("b",), ("a",), ("c",), limit=10), "c") == ["a"]
    assert forgotten(after(("a", "b"), ("a", "c"), ("a", "d"), limit=10), "a", "d") == ["c"]


def test_members_that_lost_are_never_kept() -> None:
    kept = after(("a",), limit=1000)
    work = state_of(work=OpenWork())
    open_stage = retained(kept, work, sizes("a", "loser", "winner"), 1.0)
    assert open_stage == kept
    assert forgotten(retained(open_stage, state_of(), sizes("winner"), 1.0), "winner") == ["a"]


def test_champions_of_a_phase_end_are_kept_for_ever() -> None:
    ends = state_of("a", "b", stage="phase_end")
    kept = retained(Kept(), ends, sizes("a", "b", "other"), 0.0)
    assert kept.champions == sizes("a", "b")
    for name in "cde":
        kept = retained(kept, state_of(), sizes(name), 0.0)
    assert kept.champions == sizes("a", "b")
    assert kept.names == {*sizes("a", "b", "e")}


def test_champions_do_not_use_up_the_room_of_generations() -> None:
    kept = retained(Kept(), state_of("a", stage="phase_end"), sizes("a"), 10 / GB)
    kept = retained(kept, state_of(), sizes("b"), 10 / GB)
    kept = retained(kept, state_of(), sizes("c"), 10 / GB)
    assert forgotten(kept, "c") == ["b", "a"]


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True)),
    st.integers(0, 100),
)
def test_the_bytes_beyond_need_stay_within_the_limit(history: list[list[str]], limit: int) -> None:
    kept = after(*(tuple(names) for names in history), limit=limit)
    needed = sizes(*history[-1]) if history else {}
    names = [name for name, _ in kept.earlier]
    assert needed.keys() <= set(names)
    assert sum(size for name, size in kept.earlier if name not in needed) <= limit
    assert len(names) == len(set(names))


# ---- whole runs


class Recording(ScriptedEngine):
    """Remembers which task made each checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.made: dict[str, TrainingTask] = {}

    def answer(self, task: Task) -> Outcome:
        outcome = super().answer(task)
        if isinstance(task, TrainingTask) and outcome.result.kind == "training":
            self.made[outcome.result.checkpoint or ""] = task
        return outcome


class Finished(NamedTuple):
    folder: RunFolder
    record: CommitRecord
    engine: Recording


def finish(root: Path, keep_gb: float) -> Finished:
    engine = Recording(root)
    run = ScriptedRun(root, make_config(budget=1500, keep_gb=keep_gb), engine)
    assert run.play().status == "finished"
    return Finished(run.folder, load_commit(run.folder).record, engine)


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish(tmp_path_factory.mktemp("roomy"), keep_gb=1.0)


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish(tmp_path_factory.mktemp("tight"), keep_gb=0.0)


def present(folder: RunFolder) -> set[str]:
    return {path.stem for path in folder.objects.iterdir()}


def test_with_room_champions_of_every_generation_stay_and_no_loser(roomy: Finished) -> None:
    made, left = roomy.engine.made, present(roomy.folder)
    assert left == CommitFiles(roomy.folder).reachable
    assert {made[one].generation for one in left} == {task.generation for task in made.values()}
    losers = {one for one, task in made.items() if task.role in ("challenger", "null")}
    assert losers
    assert len(left & losers) <= restore(roomy.record).run.counts.accepted


def test_without_room_only_what_is_needed_and_the_phase_ends_stay(tight: Finished) -> None:
    record = tight.record
    previous = CommitRecord.model_validate(unseal(tight.folder.state_previous.read_bytes()))
    needed = record.objects.keys() | previous.objects.keys()
    assert present(tight.folder) == needed | record.kept.champions.keys()
    assert record.kept.names == record.objects.keys() | record.kept.champions.keys()
    assert len(record.kept.champions) > 6


def test_how_much_is_kept_does_not_change_the_run(roomy: Finished, tight: Finished) -> None:
    assert digest(restore(roomy.record).run) == digest(restore(tight.record).run)


def test_objects_that_are_kept_but_gone_do_not_hold_a_run_up(roomy: Finished) -> None:
    spare = roomy.record.kept.names - roomy.record.objects.keys()
    assert spare
    for one in spare:
        ObjectStore(roomy.folder.objects).path(one).unlink()
    assert not load_commit(roomy.folder).fell_back


@pytest.mark.parametrize("value", [-1, "much", float("nan")])
def test_impossible_room_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="keep_gb"):
        RunConfig.model_validate({"keep_gb": value})


# ---- a commit of the schema before


@pytest.fixture
def old_run(tmp_path: Path) -> RunFolder:
    """A run of 200 steps that was stopped inside a generation."""
    shutil.copytree(SCHEMA_1, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def test_a_commit_of_schema_1_loads_with_nothing_kept(old_run: RunFolder) -> None:
    assert json.loads(old_run.state.read_bytes())["schema_version"] == 1
    loaded = load_commit(old_run)
    assert (loaded.fell_back, loaded.record.schema_version) == (False, SCHEMA_VERSION)
    assert loaded.record.kept == Kept()
    state = restore(loaded.record).run
    assert loaded.record.generation == state.generation == 3
    assert state.work is not None
    assert CommitFiles(old_run).reachable == present(old_run)


def test_a_run_of_schema_1_goes_on_to_its_end(old_run: RunFolder) -> None:
    record = load_commit(old_run).record
    saved = restore(record)
    run = ScriptedRun(old_run.root, saved.config, ScriptedEngine(old_run.root))
    state = run.play(saved.run, record.journal_bytes)
    assert state.status == "finished"
    assert books.spent(state.ledger) == 200
    written = json.loads(old_run.state.read_bytes())
    assert written["schema_version"] == SCHEMA_VERSION
    assert load_commit(old_run).record.kept.champions


def test_an_old_commit_whose_summary_is_gone_is_damaged(old_run: RunFolder) -> None:
    document = unseal(old_run.state.read_bytes())
    old_run.state.write_bytes(seal({**document, "summary": 5}))
    with pytest.raises(ValueError, match="is no commit record"):
        load_commit(old_run)
