"""What differs travels, whatever happens on its way."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.remote import far_side
from deploy.remote.connection import Connection
from deploy.remote.far_files import Sent, files_here, get, listing, put
from deploy.remote.far_program import FarProgram
from tests.deploy.remote.sshd import Sshd

Told = Callable[[str], None]
LARGE = 24 << 20


def tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def send(far: FarProgram, source: Path, told: Told, root: str = "data/it") -> Sent:
    files = files_here(source)
    there = listing(far, root)
    gone = set(there.files) - {one.path for one in files}
    return put(far, root, files, there, told=told, after=gone)


FILES = {
    "a.txt": b"one",
    "b/c d.txt": b"two",
    "b/same.txt": b"one",
    "é\n": b"",
    "large": b"x" * 3_000_000,
}


def test_a_folder_arrives_and_only_what_changed_travels_again(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    source = tree(tmp_path / "here", FILES)
    (source / "a.txt").chmod(0o755)
    assert send(far, source, told) == Sent(5, 3_000_009)
    assert contents(home / "data/it") == FILES
    assert os.access(home / "data/it/a.txt", os.X_OK)
    assert send(far, source, told) == Sent(0, 0)
    (source / "b/c d.txt").write_bytes(b"changed")
    (source / "a.txt").unlink()
    assert send(far, source, told) == Sent(1, 7)
    assert contents(home / "data/it") == contents(source)


def test_a_single_file_arrives_under_the_name_of_the_root(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    source = tree(tmp_path / "here", {"corpus.txt": b"text"})
    send(far, source / "corpus.txt", told, "data/corpus.txt")
    assert (home / "data/corpus.txt").read_bytes() == b"text"


def test_files_come_back_the_same_way(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    tree(home / "runs/one", FILES)
    there = listing(far, "runs/one")
    incoming = tmp_path / "incoming"
    get(far, "runs/one", there.files.values(), incoming, told=told)
    came = {path: (incoming / one.sha256).read_bytes() for path, one in there.files.items()}
    assert came == FILES


@pytest.mark.parametrize("direction", ["there", "back"])
def test_a_transfer_that_breaks_goes_on_where_it_was(
    far: FarProgram, sshd: Sshd, home: Path, tmp_path: Path, told: Told, direction: str
) -> None:
    data = {"large": os.urandom(LARGE), "small": b"small"}
    source = tree(tmp_path / "here" if direction == "there" else home / "data/it", data)
    incoming = home / "incoming" if direction == "there" else tmp_path / "incoming"
    far.ask("waiting")
    broken: list[int] = []

    def break_it() -> None:
        for _ in range(10_000):
            parts = [one.stat().st_size for one in incoming.glob("*.part")]
            if parts and 1 << 20 < parts[0] < LARGE:
                broken.append(parts[0])
                sshd.drop()
                return
            time.sleep(0.001)

    breaking = threading.Thread(target=break_it)
    breaking.start()
    if direction == "there":
        assert send(far, source, told).num_files == 2
        assert contents(home / "data/it") == data
    else:
        there = listing(far, "data/it")
        get(far, "data/it", there.files.values(), incoming, told=told)
        assert (incoming / there.files["large"].sha256).read_bytes() == data["large"]
    breaking.join()
    assert broken


def test_what_came_wrong_is_sent_again(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    source = tree(tmp_path / "here", {"large": os.urandom(3_000_000)})
    (one,) = files_here(source)
    tree(home / "incoming", {f"{one.sha256}.part": b"nothing of it"})
    send(far, source, told)
    assert contents(home / "data/it") == contents(source)


def test_links_are_refused_on_both_sides(
    far: FarProgram, home: Path, tmp_path: Path, told: Told
) -> None:
    source = tree(tmp_path / "here", {"a": b"one"})
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="link is a link; only files themselves are sent"):
        send(far, source, told)
    (source / "link").unlink()
    outside = tree(tmp_path / "outside", {"b": b"untouched"})
    (home / "data").mkdir(parents=True)
    (home / "data/it").symlink_to(outside)
    with pytest.raises(ValueError, match="it is a link"):
        send(far, source, told)
    assert contents(outside) == {"b": b"untouched"}


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/x", "", ".", "a//b", "a/./b", "link/x"]
)
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    root, incoming = tmp_path / "root", tree(tmp_path / "incoming", {"0" * 64: b"x"})
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    request = {"files": [[path, "0" * 64, False]], "before": [], "after": [], "lock": False}
    if not path:
        request["files"], request["after"] = [], ["../incoming/" + "0" * 64]
    with pytest.raises(far_side.Problem, match=r"leads out of|is a link"):
        far_side.publish(root, incoming, request)
    assert contents(incoming) == {"0" * 64: b"x"}


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A disk of 8 MB at the far side's home."""
    home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(home)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a small disk")
    yield home
    subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_disk_that_is_too_small_is_said_before_anything_is_sent(
    far: FarProgram, small_disk: Path, tmp_path: Path, told: Told
) -> None:
    source = tree(tmp_path / "here", {"large": os.urandom(12_000_000)})
    with pytest.raises(ValueError, match=r"needs 13\.0 MB .*has 8\.. MB free; free 4\.. MB there"):
        send(far, source, told)
    assert contents(small_disk).keys() == {"far_side.py"}


@pytest.mark.parametrize("size", [900_000, 3_000_000])
def test_a_disk_that_fills_up_meanwhile_is_said_and_what_was_there_stays(
    far: FarProgram, small_disk: Path, tmp_path: Path, size: int, connection: Connection
) -> None:
    old = tree(tmp_path / "old", {"a": b"old"})
    send(far, old, lambda _: None)
    new = tree(tmp_path / "new", {"a": b"new", **{str(n): os.urandom(size) for n in range(2)}})

    def fill(_: str) -> None:
        free = os.statvfs(small_disk)
        (small_disk / "filler").write_bytes(b"\0" * (free.f_bavail * free.f_bsize - 1_000_000))

    with pytest.raises(ValueError, match=r"needs .* MB .*free; free .* MB there") as caught:
        send(far, new, fill)
    assert "\n" not in str(caught.value)
    assert contents(small_disk / "data/it") == {"a": b"old"}
    (small_disk / "filler").unlink()
    send(far, new, lambda _: None)
    assert contents(small_disk / "data/it") == contents(new)
