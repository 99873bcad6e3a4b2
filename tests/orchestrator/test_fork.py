"""A fork starts where it is told, from bytes that are the run's own."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import ledger as books
from orchestrator.cli import main
from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.engine import Engine
from orchestrator.forking import fork
from orchestrator.intervention import Intervention, place_of
from orchestrator.replay.boundaries import find_boundary, parse_point
from orchestrator.replay.journal import committed_rows
from orchestrator.replay.states import Boundary, Replay
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import work_of
from orchestrator.stages.dispatch import stage_of
from orchestrator.verification.database import check_database
from orchestrator.verification.files import check_objects
from orchestrator.verification.replayed import comparable, first_difference, replay_checks
from orchestrator.verification.snapshot import Snapshot
from state.commit import load_commit
from state.metrics_store import MetricsStore
from state.objects import ObjectStore
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun
from tests.memory_runs import worked


class Counting(ScriptedEngine):
    """Knows what it trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.trained: list[str] = []

    def train(self, task: TrainingTask) -> Outcome:
        self.trained.append(task.task_id)
        return super().train(task)


def end_of(folder: RunFolder) -> RunState:
    return restore(load_commit(folder).record).run


def forked(
    source: RunFolder,
    target: Path,
    at: str,
    *settings: str,
    build: Callable[[Path], Engine] = Counting,
) -> RunFolder:
    folder = RunFolder(target)

    def engine(_config: RunConfig, where: RunFolder) -> Engine:
        return build(where.root)

    fork(source, parse_point(at), list(settings), folder, build=engine, say=lambda _: None)
    return folder


class KeptInMemory(ObjectStore):
    """Reads a run's objects and writes none to disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.new: dict[str, bytes] = {}

    def publish(self, data: bytes, suffix: str = "safetensors") -> str:
        del suffix
        sha = hashlib.sha256(data).hexdigest()
        self.new[sha] = data
        return sha

    def read(self, sha: str) -> bytes:
        return self.new[sha] if sha in self.new else super().read(sha)


def finished(folder: RunFolder) -> RunState:
    """The run's end, from its commit on without a disk; its results give it again."""
    record = load_commit(folder).record
    saved = restore(record)
    config, state, rows = saved.config, saved.run, committed_rows(folder, record)
    engine = ScriptedEngine(folder.root)
    engine.objects = KeptInMemory(folder.objects)
    while state.status == "running":
        before = worked(config, engine, state)
        rows = (*rows, *work_of(before).results)
        conclusion = stage_of(state, config).conclude(before, config)
        counted = {
            "num_decisions": state.num_decisions + len(conclusion.decisions),
            "num_events": state.num_events + len(conclusion.events),
        }
        state = conclusion.state.model_copy(update=counted)
    replay = Replay(config, rows, place_of(state))
    assert sum(1 for _ in replay.stages()) > 0
    assert first_difference(comparable(state), comparable(replay.state)) is None
    return state


def boundary(source: RunFolder, at: str) -> Boundary:
    record = load_commit(source).record
    return find_boundary(Replay.of(source, record), parse_point(at)).boundary


@pytest.mark.parametrize("at", ["abiogenesis", "primordial:2", "endosymbiosis", "homeostasis:1"])
def test_a_fork_that_changes_nothing_ends_like_its_run(
    scripted: ScriptedRun, tmp_path: Path, at: str
) -> None:
    folder = forked(scripted.folder, tmp_path / "fork", at)
    start, end, wanted = end_of(folder), finished(folder), end_of(scripted.folder)
    assert start.status == "running"
    assert end.run_id.startswith("fork-")
    assert first_difference(comparable(wanted), comparable(end)) is None


def test_a_fork_is_a_run_like_any_other(scripted: ScriptedRun, tmp_path: Path) -> None:
    folder = forked(scripted.folder, tmp_path / "fork", "cambrian:1")
    record = load_commit(folder).record
    saved = restore(record)
    run = ScriptedRun(folder.root, saved.config, ScriptedEngine(folder.root))
    end = run.play(saved.run, record.journal_bytes)
    assert first_difference(comparable(end_of(scripted.folder)), comparable(end)) is None
    now = Snapshot.take(folder)
    checks = [*replay_checks(folder, now.record), *check_objects(now), *check_database(now)]
    assert {one.status for one in checks} == {"ok"}


def test_a_fork_has_the_past_of_its_run_and_none_of_its_future(
    scripted: ScriptedRun, tmp_path: Path
) -> None:
    folder = forked(scripted.folder, tmp_path / "fork", "primordial:2")
    start = end_of(folder)
    with (
        MetricsStore.open(folder.metrics_db, writer=False) as ours,
        MetricsStore.open(scripted.folder.metrics_db, writer=False) as theirs,
    ):
        old = theirs.latest_run()
        assert old is not None
        past = [one for one in theirs.members(old) if one.generation < start.generation]
        assert list(ours.members(start.run_id)) == past
        assert ours.decisions(start.run_id) == theirs.decisions(old)[: start.num_decisions]
        steps = [one for one in theirs.steps(old) if one.generation < start.generation]
        assert list(ours.steps(start.run_id)) == steps
        assert len(ours.events(start.run_id)) == start.num_events
    *_, last = committed_rows(folder, load_commit(folder).record)
    assert isinstance(last, Intervention)
    assert (last.kind, last.source) == ("forked", "test-run")
    told = json.loads(folder.log.read_text(encoding="utf-8").splitlines()[-1])
    assert told["kind"] == "forked"
    assert (told["from"], told["at"]) == ("test-run", "primordial:2")


def test_objects_are_shared_and_the_run_is_left_alone(
    scripted: ScriptedRun, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in scripted.folder.objects.iterdir()}
    state = scripted.folder.state.read_bytes()
    folder = forked(scripted.folder, tmp_path / "fork", "endosymbiosis")
    assert {path: path.read_bytes() for path in scripted.folder.objects.iterdir()} == before
    assert scripted.folder.state.read_bytes() == state
    assert (folder.data / "manifest.json").samefile(scripted.folder.data / "manifest.json")


@pytest.fixture
def emptied(scripted: ScriptedRun, tmp_path: Path) -> RunFolder:
    """The run with only what its last state names."""
    folder = RunFolder(Path(shutil.copytree(scripted.folder.root, tmp_path / "emptied")))
    text = end_of(folder).model_dump_json()
    for path in folder.objects.iterdir():
        if path.stem not in text:
            path.unlink()
    return folder


def test_objects_that_are_gone_are_made_again_and_no_others(
    scripted: ScriptedRun, emptied: RunFolder, tmp_path: Path
) -> None:
    engines: list[Counting] = []

    def build(folder: Path) -> Engine:
        engines.append(Counting(folder))
        return engines[-1]

    start = boundary(emptied, "oxidation:1").state
    folder = forked(emptied, tmp_path / "fork", "oxidation:1", build=build)
    trained = [name for engine in engines for name in engine.trained]
    assert trained
    assert len(trained) == len(set(trained))
    assert not [name for name in trained if "null" in name or "confirm" in name]
    assert max(trained) < f"g{start.generation:05d}"
    wanted = end_of(scripted.folder)
    assert first_difference(comparable(wanted), comparable(finished(folder))) is None


def test_a_damaged_object_is_made_again_too(scripted: ScriptedRun, tmp_path: Path) -> None:
    source = RunFolder(Path(shutil.copytree(scripted.folder.root, tmp_path / "source")))
    sha = boundary(source, "cambrian:1").state.lineages[0].checkpoint
    assert sha is not None
    path = source.objects / f"{sha}.safetensors"
    path.write_bytes(b"damaged")
    folder = forked(source, tmp_path / "fork", "cambrian:1")
    assert (folder.objects / path.name).read_bytes() != b"damaged"
    assert path.read_bytes() == b"damaged"


def test_a_machine_that_does_not_reproduce_the_run_is_told_so_and_leaves_nothing(
    emptied: RunFolder, tmp_path: Path
) -> None:
    def other_machine(folder: Path) -> Engine:
        engine = ScriptedEngine(folder)
        engine.penalty = lambda _: 1e-12
        return engine

    with pytest.raises(ValueError, match="this machine does not reproduce the run"):
        forked(emptied, tmp_path / "fork", "oxidation:1", build=other_machine)
    assert not (tmp_path / "fork").exists()


def test_a_changed_setting_holds_from_the_point_on(scripted: ScriptedRun, tmp_path: Path) -> None:
    folder = forked(
        scripted.folder,
        tmp_path / "fork",
        "cambrian",
        "phases.cambrian.population=7",
        "evolution.false_acceptance=0.2",
        "control=gelu",
        "budget=700",
    )
    end = finished(folder)
    saved = restore(load_commit(folder).record)
    assert saved.config.evolution.false_acceptance == 0.2
    assert books.spent(end.ledger) == end.ledger.budget == 700
    assert [line.settled for line in end.ledger.control] == [700]
    assert end.summaries[0] == end_of(scripted.folder).summaries[0]


def test_a_fork_of_a_fork_knows_both_changes(scripted: ScriptedRun, tmp_path: Path) -> None:
    first = forked(scripted.folder, tmp_path / "first", "primordial:1", "seed=7")
    second = forked(first, tmp_path / "second", "primordial:1", "budget=400", "host.rewarm=0.2")
    assert books.spent(finished(second).ledger) == 400
    rows = committed_rows(second, load_commit(second).record)
    changes = [row for row in rows if isinstance(row, Intervention)]
    assert [row.after.get("seed") for row in changes] == [7, None]
    assert [row.source for row in changes] == ["test-run", end_of(first).run_id]


def test_the_least_budget_that_is_named_is_one_that_works(
    scripted: ScriptedRun, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"give \d+ or more") as refusal:
        forked(scripted.folder, tmp_path / "fork", "primordial:2", "budget=60")
    least = int(str(refusal.value).split("give ")[1].split()[0])
    folder = forked(scripted.folder, tmp_path / "fork", "primordial:2", f"budget={least}")
    assert books.spent(finished(folder).ledger) == least


def test_a_fork_that_is_not_started_says_how_to_start_it(
    scripted: ScriptedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fork", str(scripted.folder.root), "--at", "cambrian", "--no-run"]
    for name in ("run-fork", "run-fork-2"):
        assert main(arguments) == 0
        folder = RunFolder(scripted.folder.root.with_name(name))
        assert f"start with: symbio-auto --resume {folder.state}" in capsys.readouterr().out
        assert end_of(folder).status == "running"
    assert main([*arguments, "--set", "model.dim=8"]) == 2
    assert "model.dim = 8 cannot change in a fork" in capsys.readouterr().err
    assert not scripted.folder.root.with_name("run-fork-3").exists()


def test_a_real_run_forked_with_its_objects_gone_hands_over_the_same_model(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "run")))
    wanted = end_of(source)
    for path in source.objects.iterdir():
        path.unlink()
    folder = RunFolder(tmp_path / "fork")
    arguments = ["fork", str(source.root), "--at", "endosymbiosis:2", "--run-dir", str(folder.root)]
    with pytest.raises(ValueError, match=r"safetensors is missing"):
        load_commit(source)
    assert main([*arguments, "--plain"]) == 0
    printed = capsys.readouterr().out
    assert "checkpoints again that the run has let go of" in printed
    assert "bits per byte on the test split" in printed
    ended = end_of(folder)
    assert wanted.winner is not None
    assert ended.winner is not None
    assert ended.winner.checkpoint == wanted.winner.checkpoint
    model = "model.safetensors"
    assert (folder.model / model).read_bytes() == (source.model / model).read_bytes()
