"""Files that are torn, flipped, cut short, gone, or of another version."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commits import restore
from state.commit import load_commit
from state.objects import ObjectStore
from state.run_folder import RunFolder
from state.sealed import seal
from tests.builders import ScriptedEngine, ScriptedRun, digest
from tests.integration.failures.conftest import CONFIG

Damage = Callable[[Path], None]


def torn(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\0" * (len(data) - len(data) // 2))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def missing(path: Path) -> None:
    path.unlink()


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> ScriptedRun:
    """A copy of it to damage."""
    folder = shutil.copytree(stopped, tmp_path / "run")
    return ScriptedRun(folder, CONFIG, ScriptedEngine(folder))


def go_on(run: ScriptedRun) -> str:
    record = load_commit(run.folder).record
    return digest(run.play(restore(record).run, record.journal_bytes))


def newest_object(folder: RunFolder) -> Path:
    """An object that the last commit needs and the one before does not."""
    before = json.loads(folder.state_previous.read_bytes())["objects"]
    now = json.loads(folder.state.read_bytes())["objects"]
    only = sorted(set(now) - set(before))
    return ObjectStore(folder.objects).path(only[0])


@pytest.mark.parametrize("damage", [torn, flipped, truncated, emptied, missing])
@pytest.mark.parametrize("what", ["state.json", "an object"])
def test_the_commit_before_is_used_and_the_run_ends_with_the_same_bits(
    run: ScriptedRun, whole: str, what: str, damage: Damage
) -> None:
    path = run.folder.state if what == "state.json" else newest_object(run.folder)
    damage(path)
    loaded = load_commit(run.folder)
    assert loaded.fell_back
    assert loaded.message is not None
    assert path.stem in loaded.message
    assert go_on(run) == whole


@pytest.mark.parametrize("damage", [torn, flipped, truncated, emptied, missing])
def test_damaged_journals_do_not_hold_the_run_up(
    run: ScriptedRun, whole: str, damage: Damage
) -> None:
    for name in ("metrics.jsonl", "events.jsonl", "results.jsonl", "log.txt"):
        damage(run.folder.root / name)
    assert go_on(run) == whole


def test_both_commits_damaged_is_refused_with_the_reason_and_nothing_is_touched(
    run: ScriptedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run.folder
    for path in (folder.state, folder.state_previous):
        flipped(path)
    before = {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}
    assert main(["--resume", str(folder.root)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no commit of" in error
    assert "restore one from a copy" in error
    assert before == {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("schema", "words"), [(0, "older than this version reads"), (99, "upgrade symbio-auto")]
)
def test_a_state_of_another_schema_is_refused_with_the_remedy(
    run: ScriptedRun, schema: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (run.folder.state, run.folder.state_previous):
        rewrite_schema(path, schema)
    assert main(["--resume", str(run.folder.state)]) == 2
    error = capsys.readouterr().err
    assert f"schema {schema}" in error
    assert words in error


def rewrite_schema(path: Path, schema: int) -> None:
    """The record as a program of that schema would have sealed it."""
    document = json.loads(path.read_bytes())
    del document["sha256"]
    path.write_bytes(seal({**document, "schema_version": schema}))
