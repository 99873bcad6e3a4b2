"""Commits that were torn, flipped, killed half way or written by another version."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import JsonValue

from state import durable
from state.commit import (
    CommitRecord,
    Kept,
    NewerSchema,
    kept_objects,
    load_commit,
    migrate,
    publish_commit,
    reachable_objects,
)
from state.durable import Operation, OutOfSpace
from state.objects import RESERVE_BYTES, ObjectStore
from state.run_folder import RunFolder

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def record_of(generation: int, objects: dict[str, int] | None = None) -> CommitRecord:
    return CommitRecord(
        run_id="run",
        written_at=f"2026-11-21T00:00:{generation:02d}+00:00",
        generation=generation,
        summary={"generation": generation},
        state={"loss": 0.1 + generation, "seed": 2**127 - 1, "text": "\u00e9\ud800\n"},
        objects=objects or {},
        journal_bytes={"metrics.jsonl": 100},
        environment={"threads": 1},
    )


def publish(folder: RunFolder, generation: int) -> CommitRecord:
    data = f"weights {generation}".encode()
    sha = ObjectStore(folder.objects).publish(data)
    record = record_of(generation, {sha: len(data)})
    publish_commit(folder, record)
    return record


def reseal(path: Path, **changes: JsonValue) -> None:
    """Write the record at `path` again with `changes` and the right sha256."""
    document = json.loads(path.read_bytes()) | changes
    del document["sha256"]
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_commit_comes_back_bit_for_bit(folder: RunFolder) -> None:
    record = publish(folder, 1)
    loaded = load_commit(folder)
    assert loaded.record == record
    assert (loaded.fell_back, loaded.message) == (False, None)
    assert not folder.state_previous.exists()


def test_the_file_is_readable_and_states_its_own_hash(folder: RunFolder) -> None:
    publish(folder, 1)
    document = json.loads(folder.state.read_text(encoding="utf-8"))
    assert len(document["sha256"]) == 64
    assert document["summary"] == {"generation": 1}
    assert folder.state.read_bytes().count(b"\n") > 10


def test_the_commit_before_is_kept(folder: RunFolder) -> None:
    records = [publish(folder, generation) for generation in range(3)]
    folder.state.unlink()
    loaded = load_commit(folder)
    assert loaded.record == records[1]
    assert loaded.fell_back


def test_every_flipped_bit_is_noticed(folder: RunFolder) -> None:
    previous, last = publish(folder, 1), publish(folder, 2)
    data = bytearray(folder.state.read_bytes())
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        folder.state.write_bytes(data)
        loaded = load_commit(folder, verify_objects=False)
        data[bit // 8] ^= 1 << bit % 8
        assert loaded.record == (previous if loaded.fell_back else last)
        # The only flips without a meaning: the case of a \\u escape's hex digits.
        assert loaded.fell_back or data[: bit // 8].rstrip(b"0123456789abcdef").endswith(b"\\u")


def test_every_truncation_falls_back_and_says_so(folder: RunFolder) -> None:
    previous = publish(folder, 1)
    publish(folder, 2)
    data = folder.state.read_bytes()
    for length in range(len(data) - 1):  # the last byte is a newline
        folder.state.write_bytes(data[:length])
        loaded = load_commit(folder)
        assert loaded.record == previous
        assert loaded.message is not None
        assert "state.json is damaged (it is not whole JSON); going on from" in loaded.message


@pytest.mark.parametrize("damage", [b"weights X", b"weigh", None])
def test_a_bad_object_falls_back_to_the_commit_that_does_not_need_it(
    folder: RunFolder, damage: bytes | None
) -> None:
    previous, last = publish(folder, 1), publish(folder, 2)
    path = ObjectStore(folder.objects).path(next(iter(last.objects)))
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    loaded = load_commit(folder)
    assert loaded.record == previous
    assert loaded.message is not None
    assert path.name in loaded.message
    assert "\n" not in loaded.message
    assert not load_commit(folder, verify_objects=False).fell_back


def test_two_unusable_commits_are_refused_in_one_line(folder: RunFolder) -> None:
    publish(folder, 1)
    publish(folder, 2)
    folder.state.write_bytes(b"")
    folder.state_previous.write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match=r"no commit of .* can be used: .*; restore") as refusal:
        load_commit(folder)
    assert "\n" not in str(refusal.value)


def test_a_folder_without_a_commit_is_named_with_the_remedy(folder: RunFolder) -> None:
    with pytest.raises(
        ValueError, match=r"state.json does not exist; give --resume the state.json"
    ):
        load_commit(folder)


def test_a_newer_schema_is_refused_even_where_an_older_commit_exists(folder: RunFolder) -> None:
    publish(folder, 1)
    publish(folder, 2)
    reseal(folder.state, schema_version=7)
    message = "state.json has schema 7, this version reads up to 2; upgrade symbio-auto"
    with pytest.raises(NewerSchema, match=message):
        load_commit(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": "1"}, "it names no schema"),
        ({"schema_version": 0}, "schema 0 is older than this version reads"),
        ({"objects": {"../../etc/passwd": 1}}, "is not a sha256"),
        ({"objects": 5}, "is no commit record (objects: "),
        ({"surprise": 1}, "is no commit record (surprise: "),
    ],
)
def test_a_sealed_record_of_the_wrong_shape_falls_back(
    folder: RunFolder, changes: dict[str, JsonValue], reason: str
) -> None:
    previous = publish(folder, 1)
    publish(folder, 2)
    reseal(folder.state, **changes)
    loaded = load_commit(folder)
    assert loaded.record == previous
    assert loaded.message is not None
    assert reason in loaded.message


def test_an_older_schema_goes_through_every_step_in_order() -> None:
    chain = {
        1: lambda document: {**document, "steps": ["1 to 2"]},
        2: lambda document: {**document, "steps": [*document["steps"], "2 to 3"]},
    }
    assert migrate({"schema_version": 1}, chain, 3) == {
        "schema_version": 3,
        "steps": ["1 to 2", "2 to 3"],
    }
    assert migrate({"schema_version": 3}, chain, 3) == {"schema_version": 3}


def test_a_damaged_commit_never_replaces_the_good_one_before_it(folder: RunFolder) -> None:
    previous = publish(folder, 1)
    publish(folder, 2)
    folder.state.write_bytes(folder.state.read_bytes()[:-9])
    publish(folder, 3)
    folder.state.unlink()
    assert load_commit(folder).record == previous


def test_the_objects_of_both_commits_are_reachable(folder: RunFolder) -> None:
    publish(folder, 0)
    last_two = [publish(folder, generation) for generation in (1, 2)]
    reachable = reachable_objects(folder)
    assert reachable == {sha for record in last_two for sha in record.objects}
    ObjectStore(folder.objects).collect(reachable)
    folder.state.unlink()
    assert load_commit(folder).record == last_two[0]


def test_what_is_kept_is_reachable_and_never_needed(folder: RunFolder) -> None:
    store = ObjectStore(folder.objects)
    old, older, loser = (store.publish(data) for data in (b"old", b"older", b"loser"))
    kept = Kept(champions={older: 5}, earlier=((old, 3), (older, 5)))
    publish_commit(folder, record_of(1).model_copy(update={"kept": kept}))
    store.collect(reachable_objects(folder))
    assert {path.stem for path in folder.objects.iterdir()} == {old, older}
    assert loser not in kept_objects(folder).names
    store.path(old).unlink()
    assert not load_commit(folder).fell_back


def test_what_is_kept_is_known_while_any_commit_is_intact(folder: RunFolder) -> None:
    assert kept_objects(folder) == Kept()
    kept = Kept(champions={"0" * 64: 1})
    publish_commit(folder, record_of(1).model_copy(update={"kept": kept}))
    publish_commit(folder, record_of(2))
    folder.state.write_bytes(b"torn")
    assert kept_objects(folder) == kept


def test_commits_of_one_generation_never_push_out_the_one_before(folder: RunFolder) -> None:
    before, *_, last = [publish(folder, generation) for generation in (1, 2, 2, 2)]
    store = ObjectStore(folder.objects)
    assert load_commit(folder).record == last
    store.path(next(iter(last.objects))).write_bytes(b"damaged")
    assert load_commit(folder).record == before
    publish_commit(folder, before)  # a resumption from there
    assert load_commit(folder).record == before
    assert json.loads(folder.state_previous.read_bytes())["generation"] == 1


def test_the_only_other_commit_is_kept_even_of_the_same_generation(folder: RunFolder) -> None:
    first = publish(folder, 1)
    publish_commit(folder, record_of(1))
    folder.state.unlink()
    assert load_commit(folder).record == first


def test_a_commit_is_refused_before_the_disk_is_full(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = publish(folder, 1)
    nearly_full = shutil.disk_usage(folder.root)._replace(free=RESERVE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: nearly_full)
    with pytest.raises(OutOfSpace, match=r"state.json needs 8.0 MB .* free .* more and resume"):
        publish_commit(folder, record_of(2))
    assert load_commit(folder).record == last


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_commit_valid(folder: RunFolder, operation: Operation) -> None:
    publish(folder, 1)
    last = publish(folder, 2)

    def full(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(28, "injected")

    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        publish_commit(folder, record_of(3))
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
from state.commit import CommitRecord, publish_commit
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
    publish_commit(folder, record.model_copy(update={"objects": {sha: len(data)}}))
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
        publish_commit(folder, old)
    assert outcomes == sorted(outcomes, reverse=True)
    assert len(outcomes) == 13
    assert outcomes.count(True) == 7
