"""What a writer of commits leaves on disk, whatever stops it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from state import durable
from state.commit import Kept, load_commit
from state.commit_files import CommitFiles
from state.durable import Operation, OutOfSpace
from state.objects import RESERVE_BYTES, ObjectStore
from state.run_folder import RunFolder
from tests.commit_builders import publish, record_of

REPOSITORY = Path(__file__).parents[2]


def test_a_damaged_commit_never_replaces_the_good_one_before_it(folder: RunFolder) -> None:
    previous = publish(folder, 1)
    publish(folder, 2)
    folder.state.write_bytes(folder.state.read_bytes()[:-9])
    publish(folder, 3)
    folder.state.unlink()
    assert load_commit(folder).record == previous


def test_a_writer_keeps_the_commit_that_it_wrote_whatever_became_of_the_file(
    folder: RunFolder,
) -> None:
    commits = CommitFiles(folder)
    commits.publish(record_of(1))
    folder.state.write_bytes(b"torn")
    commits.publish(record_of(2))
    folder.state.unlink()
    assert load_commit(folder).record == record_of(1)


def test_a_writer_knows_what_a_new_one_would_read(folder: RunFolder) -> None:
    commits = CommitFiles(folder)
    for generation in (1, 2, 2, 3):
        kept = Kept(champions={f"{generation}" * 64: 1})
        record = record_of(generation, {"0" * 64: 1, f"{generation + 1}" * 64: 2})
        commits.publish(record.model_copy(update={"kept": kept}))
        again = CommitFiles(folder)
        assert (commits.reachable, commits.kept) == (again.reachable, again.kept)


def test_the_objects_of_both_commits_are_reachable(folder: RunFolder) -> None:
    publish(folder, 0)
    last_two = [publish(folder, generation) for generation in (1, 2)]
    reachable = CommitFiles(folder).reachable
    assert reachable == {sha for record in last_two for sha in record.objects}
    ObjectStore(folder.objects).collect(reachable)
    folder.state.unlink()
    assert load_commit(folder).record == last_two[0]


def test_what_is_kept_is_reachable_and_never_needed(folder: RunFolder) -> None:
    store = ObjectStore(folder.objects)
    old, older, loser = (store.publish(data) for data in (b"old", b"older", b"loser"))
    kept = Kept(champions={older: 5}, earlier=((old, 3), (older, 5)))
    CommitFiles(folder).publish(record_of(1).model_copy(update={"kept": kept}))
    store.collect(CommitFiles(folder).reachable)
    assert {path.stem for path in folder.objects.iterdir()} == {old, older}
    assert loser not in CommitFiles(folder).kept.names
    store.path(old).unlink()
    assert not load_commit(folder).fell_back


def test_what_is_kept_is_known_while_any_commit_is_intact(folder: RunFolder) -> None:
    assert CommitFiles(folder).kept == Kept()
    kept = Kept(champions={"0" * 64: 1})
    CommitFiles(folder).publish(record_of(1).model_copy(update={"kept": kept}))
    CommitFiles(folder).publish(record_of(2))
    folder.state.write_bytes(b"torn")
    assert CommitFiles(folder).kept == kept


def test_commits_of_one_generation_never_push_out_the_one_before(folder: RunFolder) -> None:
    before, *_, last = [publish(folder, generation) for generation in (1, 2, 2, 2)]
    store = ObjectStore(folder.objects)
    assert load_commit(folder).record == last
    store.path(next(iter(last.objects))).write_bytes(b"damaged")
    assert load_commit(folder).record == before
    CommitFiles(folder).publish(before)  # a resumption from there
    assert load_commit(folder).record == before
    assert json.loads(folder.state_previous.read_bytes())["generation"] == 1


def test_the_only_other_commit_is_kept_even_of_the_same_generation(folder: RunFolder) -> None:
    first = publish(folder, 1)
    CommitFiles(folder).publish(record_of(1))
    folder.state.unlink()
    assert load_commit(folder).record == first


def test_a_commit_is_refused_before_the_disk_is_full(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = publish(folder, 1)
    nearly_full = shutil.disk_usage(folder.root)._replace(free=RESERVE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly_full)
    with pytest.raises(OutOfSpace, match=r"state.json needs 8.0 MB .* free .* more and resume"):
        CommitFiles(folder).publish(record_of(2))
    assert load_commit(folder).record == last


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_commit_valid(folder: RunFolder, operation: Operation) -> None:
    publish(folder, 1)
    last = publish(folder, 2)

    def full(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(28, "injected")

    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        CommitFiles(folder).publish(record_of(3))
    loaded = load_commit(folder)
    assert (loaded.record, loaded.fell_back) == (last, False)


def test_publishing_removes_what_a_killed_publisher_left(folder: RunFolder) -> None:
    (folder.root / ".state.json.123-abcd.tmp").write_bytes(b"torn")
    publish(folder, 1)
    assert list(folder.root.glob(".*")) == []


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from state import durable
from state.commit import CommitRecord
from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.run_folder import RunFolder

folder, countdown = RunFolder(Path(sys.argv[1])), int(sys.argv[2])

def kill(operation, path):
    global countdown
    countdown -= 1
    if countdown == 0:
        if operation == "fsync" and path.is_file():
            os.truncate(path, path.stat().st_size // 2)  # what was not synced is lost
        os.kill(os.getpid(), signal.SIGKILL)

with durable.intercepted(kill):
    data = b"weights of attempt " + sys.argv[2].encode()
    sha = ObjectStore(folder.objects).publish(data)
    record = CommitRecord.model_validate_json(sys.stdin.read())
    CommitFiles(folder).publish(record.model_copy(update={"objects": {sha: len(data)}}))
"""


def test_a_kill_at_any_operation_leaves_the_old_commit_or_the_new_one(folder: RunFolder) -> None:
    publish(folder, 1)
    old = publish(folder, 2)
    text = record_of(3).model_copy(update={"state": {}}).model_dump_json()
    outcomes = []
    for k in range(1, 100):
        command = [sys.executable, "-c", KILLED_AT, str(folder.root), str(k)]
        done = subprocess.run(command, input=text.encode(), cwd=REPOSITORY, check=False)
        loaded = load_commit(folder)
        assert not loaded.fell_back
        assert loaded.record == old or loaded.record.summary == {"generation": 3}
        outcomes.append(loaded.record == old)
        if done.returncode == 0:
            break
        folder.state.unlink()  # the commit before is usable too
        assert load_commit(folder).fell_back
        CommitFiles(folder).publish(old)
    assert outcomes == sorted(outcomes, reverse=True)
    assert len(outcomes) == 13
    assert outcomes.count(True) == 7
