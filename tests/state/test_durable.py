"""What is promised of a write that fails or never happened."""

import errno
import shutil
from pathlib import Path

import pytest

from state import durable
from state.durable import Operation, OutOfSpace


def failing_at(operation: Operation, number: int = errno.ENOSPC) -> durable.Hook:
    def hook(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(number, "injected")

    return hook


def recording(log: list[tuple[Operation, str]]) -> durable.Hook:
    def hook(operation: Operation, path: Path) -> None:
        log.append((operation, "temporary" if path.suffix == ".tmp" else path.name))

    return hook


def test_an_atomic_write_is_synced_before_and_after_it_replaces(tmp_path: Path) -> None:
    log: list[tuple[Operation, str]] = []
    with durable.intercepted(recording(log)):
        durable.write_atomically(tmp_path / "a", b"new")
    assert log == [
        ("write", "temporary"),
        ("fsync", "temporary"),
        ("replace", "a"),
        ("fsync", tmp_path.name),
    ]
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_content_and_no_temporary(
    tmp_path: Path, operation: Operation
) -> None:
    path = tmp_path / "a"
    durable.write_atomically(path, b"old")
    with (
        durable.intercepted(failing_at(operation)),
        pytest.raises(OutOfSpace, match=r"disk is full; free at least 2\.0 MB and resume"),
    ):
        durable.write_atomically(path, b"x" * 2_000_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_are_not_called_a_full_disk(tmp_path: Path) -> None:
    with (
        durable.intercepted(failing_at("write", errno.EIO)),
        pytest.raises(OSError, match="injected") as failure,
    ):
        durable.write_atomically(tmp_path / "a", b"new")
    assert failure.value.errno == errno.EIO


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_device_that_is_really_full_is_recognised() -> None:
    with pytest.raises(OutOfSpace) as failure:
        durable.append(Path("/dev/full"), b"x")
    assert failure.value.errno == errno.ENOSPC


def test_an_append_that_fails_half_way_is_cut_off_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    durable.append(path, b"old\n")

    def tear(operation: Operation, _path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"ha")
        raise OSError(errno.ENOSPC, "injected")

    with durable.intercepted(tear), pytest.raises(OutOfSpace):
        durable.append(path, b"half\n")
    assert path.read_bytes() == b"old\n"


def test_missing_space_is_reported_with_what_is_needed(tmp_path: Path) -> None:
    durable.require_free(tmp_path / "not" / "yet", 1)
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(OutOfSpace, match=r"needs .* MB and its disk has .* MB free; free .* more"):
        durable.require_free(tmp_path / "not" / "yet", free * 2)


def test_temporaries_of_killed_writers_are_removed_by_name(tmp_path: Path) -> None:
    for name in (".state.json.7-ab.tmp", ".other.7-ab.tmp", "state.json", "kept.tmp"):
        (tmp_path / name).write_bytes(b"12345")
    assert durable.remove_temporaries(tmp_path, "state.json") == 5
    assert durable.remove_temporaries(tmp_path) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.tmp", "state.json"]


def test_deleting_what_is_gone_is_fine(tmp_path: Path) -> None:
    durable.delete(tmp_path / "gone")


def test_a_hook_is_gone_after_its_block(tmp_path: Path) -> None:
    with durable.intercepted(failing_at("append")):
        pass
    durable.append(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
