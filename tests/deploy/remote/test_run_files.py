"""A run's folder goes there and back; what was trained on either side is never lost."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.remote import far_side
from deploy.remote.far_program import FarProgram
from deploy.remote.run_files import fetch_run, push_run
from state.run_folder import RunFolder
from state.run_lock import RunLock

Told = Callable[[str], None]


def make_run(folder: Path, generation: int, results: bytes, run_id: str = "one-1") -> RunFolder:
    """A run as far as its transfer looks into it."""
    run = RunFolder(folder)
    run.objects.mkdir(parents=True, exist_ok=True)
    commit = {
        "run_id": run_id,
        "generation": generation,
        "journal_bytes": {"results.jsonl": len(results)},
        "summary": {},
    }
    run.state.write_text(json.dumps(commit), encoding="utf-8")
    run.results_jsonl.write_bytes(results + b"torn ta")
    (run.objects / f"{generation}.safetensors").write_bytes(results)
    run.metrics_db.write_bytes(b"store" + results)
    return run


def contents(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file()]
    named = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    named.pop("lock", None)
    return named


def test_a_run_goes_there_and_back_and_is_the_same(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    here, there = tmp_path / "runs/one", home / "runs/one"
    push_run(far, make_run(here, 2, b"first\n"), told)
    assert contents(there) == contents(here)
    make_run(there, 5, b"first\nsecond\n")
    (there / "objects/2.safetensors").unlink()
    (there / "lock").write_text("")
    (there / "progress.json").write_text("{}")
    assert fetch_run(far, "one", tmp_path / "runs", told) == here
    (there / "progress.json").unlink()
    assert contents(here) == contents(there)
    assert not [*(tmp_path / "runs").glob(".*")]


def test_the_journal_of_a_store_that_is_replaced_goes_with_it(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    here, there = make_run(tmp_path / "one", 2, b"first\n"), home / "runs/one"
    push_run(far, here, told)
    for name in ("metrics.db-wal", "metrics.db-shm"):
        (there / name).write_bytes(b"of the old store")
    push_run(far, make_run(here.root, 3, b"first\nsecond\n"), told)
    assert contents(there) == contents(here.root)
    assert not (there / "metrics.db-shm").exists()


def test_a_run_that_somebody_works_on_is_left_alone_on_either_side(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    here = make_run(tmp_path / "one", 2, b"first\n")
    with RunLock(here.lock), pytest.raises(ValueError, match="somebody works on the run in"):
        push_run(far, here, told)
    push_run(far, here, told)
    before = contents(home / "runs/one")
    make_run(here.root, 3, b"first\nsecond\n")
    with RunLock(home / "runs/one/lock"):
        for action in (
            lambda: push_run(far, here, told),
            lambda: fetch_run(far, "one", tmp_path / "elsewhere", told),
        ):
            with pytest.raises(ValueError, match=r"somebody works on run one at .*kill"):
                action()
    assert contents(home / "runs/one") == before
    make_run(home / "runs/one", 4, b"first\nsecond\nthird\n")
    with RunLock(here.lock), pytest.raises(ValueError, match="stop it first"):
        fetch_run(far, "one", tmp_path, told)


def test_who_begins_to_work_meanwhile_is_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", 2, b"first\n")
    request = {"files": [], "before": ["metrics.db"], "after": [], "lock": True}
    with RunLock(run.lock), pytest.raises(far_side.Problem):
        far_side.publish(run.root, tmp_path / "incoming", request)
    assert run.metrics_db.exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ((3, b"first\nsecond\n", "one-1"), "is further .generation 3. than .*go on from there"),
        ((1, b"other\n", "one-1"), "have each been trained since they were the same"),
        ((1, b"first\n", "two-9"), "is another run .two-9, not one-1.; move one"),
    ],
)
def test_what_would_be_lost_is_not_overwritten(
    far: FarProgram,
    home: Path,
    tmp_path: Path,
    told: Told,
    target: tuple[int, bytes, str],
    message: str,
) -> None:
    make_run(home / "runs/one", *target)
    push = make_run(tmp_path / "push/one", 2, b"first\n")
    make_run(tmp_path / "fetch/one", *target)
    before = contents(tmp_path), contents(home / "runs")
    with pytest.raises(ValueError, match=message):
        push_run(far, push, told)
    assert contents(home / "runs") == before[1]
    make_run(home / "runs/one", 2, b"first\n")
    with pytest.raises(ValueError, match=message):
        fetch_run(far, "one", tmp_path / "fetch", told)
    assert contents(tmp_path / "fetch/one") == contents_of(target, tmp_path)


def contents_of(target: tuple[int, bytes, str], tmp_path: Path) -> dict[str, bytes]:
    return contents(make_run(tmp_path / "as it was/one", *target).root)


def test_a_run_that_is_nowhere_is_said(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    with pytest.raises(ValueError, match="holds no run with a commit"):
        fetch_run(far, "one", tmp_path, told)
    with pytest.raises(ValueError, match="no name that a folder elsewhere can have"):
        fetch_run(far, "../one", tmp_path, told)
    (tmp_path / "new").mkdir()
    with pytest.raises(ValueError, match="has no commit yet"):
        push_run(far, RunFolder(tmp_path / "new"), told)
    assert not (home / "runs").exists()
