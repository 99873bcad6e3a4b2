"""Commits that were torn, flipped or written by another version."""

import hashlib
import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from state.commit import NewerSchema, load_commit, migrate
from state.objects import ObjectStore
from state.run_folder import RunFolder
from tests.commit_builders import publish


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
    with pytest.raises(ValueError, match=r"state.json does not exist; give the folder of a run"):
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
