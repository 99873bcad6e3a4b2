"""Objects that are equal, damaged, missing or unreachable."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state import durable
from state.durable import Operation
from state.objects import DamagedObject, MissingObject, ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path)


def test_what_was_published_is_read_back_under_its_sha256(store: ObjectStore) -> None:
    sha = store.publish(b"weights")
    assert sha == hashlib.sha256(b"weights").hexdigest()
    assert store.read(sha) == b"weights"
    assert store.path(sha).name == f"{sha}.safetensors"


def test_equal_bytes_are_written_once(store: ObjectStore) -> None:
    operations: list[Operation] = []
    store.publish(b"weights")
    with durable.intercepted(lambda operation, _path: operations.append(operation)):
        store.publish(b"weights")
    assert operations == ["fsync"]
    assert len(list(store.folder.iterdir())) == 1


def test_an_object_is_found_under_another_suffix(store: ObjectStore) -> None:
    sha = store.publish(b"{}", suffix="json")
    assert store.path(sha).suffix == ".json"
    assert store.read(sha) == b"{}"


@settings(max_examples=50, deadline=None)
@given(data=st.binary(min_size=1, max_size=64), position=st.integers(0, 10**6))
def test_any_flipped_bit_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, position: int
) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("objects"))
    sha = store.publish(data)
    damaged = bytearray(data)
    damaged[position // 8 % len(data)] ^= 1 << position % 8
    store.path(sha).write_bytes(damaged)
    with pytest.raises(DamagedObject, match="not the one in its name; restore it"):
        store.read(sha)
    with pytest.raises(DamagedObject):
        store.verify(sha, len(data))


def test_a_truncated_object_is_named_with_both_sizes(store: ObjectStore) -> None:
    sha = store.publish(b"weights")
    store.path(sha).write_bytes(b"weig")
    with pytest.raises(DamagedObject, match="has 4 bytes, the commit says 7; restore it"):
        store.verify(sha, 7)


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    sha = "0" * 64
    for check in (lambda: store.read(sha), lambda: store.verify(sha, 1)):
        with pytest.raises(MissingObject, match=f"{sha}.safetensors is missing; restore it"):
            check()


def test_publishing_again_repairs_a_damaged_object(store: ObjectStore) -> None:
    sha = store.publish(b"weights")
    store.path(sha).write_bytes(b"wEights")
    store.publish(b"weights")
    assert store.read(sha) == b"weights"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "*"])
def test_a_name_that_is_no_hash_never_becomes_a_path(store: ObjectStore, name: str) -> None:
    with pytest.raises(ValueError, match="is not a sha256 of 64 lower-case hex digits"):
        store.path(name)


def test_collecting_keeps_what_is_reachable_and_returns_the_bytes_freed(
    store: ObjectStore,
) -> None:
    kept = store.publish(b"kept")
    store.publish(b"dropped")
    store.publish(b"{}", suffix="json")
    (store.folder / f".{kept}.safetensors.7-ab.tmp").write_bytes(b"torn")
    (store.folder / "README").write_bytes(b"not an object")
    assert store.collect({kept}) == len(b"dropped") + len(b"{}") + len(b"torn")
    assert sorted(path.name for path in store.folder.iterdir()) == sorted(
        ["README", f"{kept}.safetensors"]
    )
