"""One writer a folder, with real processes."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from state.run_lock import InUse, LockHolder, RunLock, current_boot_id, live_holder

REPOSITORY = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from state.commit import RunLock

try:
    with RunLock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except ValueError as refusal:
    print(refusal, flush=True)
"""

HOLD_WITH_CHILDREN = """
import os, subprocess, sys, time
from pathlib import Path
from state.commit import RunLock

with RunLock(Path(sys.argv[1])):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    spawned = subprocess.Popen(sleeper, close_fds=False)
    forked = os.fork()
    if forked:
        print(spawned.pid, forked, flush=True)
    time.sleep(60)
"""


@contextmanager
def contender(path: Path, code: str = HOLD) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", code, str(path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    with process:
        yield process
        if process.poll() is None:
            process.communicate("")


def answer(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def holder_now(lock: Path) -> LockHolder:
    """This process as the holder of a lock file, which is made."""
    lock.touch()
    started, inode = psutil.Process().create_time(), lock.stat().st_ino
    return LockHolder(pid=os.getpid(), started=started, boot_id=current_boot_id(), inode=inode)


def test_a_live_holder_refuses_another_process_and_is_named(tmp_path: Path) -> None:
    with RunLock(tmp_path / "lock"), contender(tmp_path / "lock") as other:
        refusal = answer(other)
    assert f"run folder {tmp_path} is in use by process {os.getpid()} (since 20" in refusal
    assert refusal.endswith("stop it or choose another --run-dir")


def test_a_second_lock_in_the_same_process_is_refused(tmp_path: Path) -> None:
    with (
        RunLock(tmp_path / "lock"),
        pytest.raises(ValueError, match="is in use by process"),
        RunLock(tmp_path / "lock"),
    ):
        pass


def test_of_racing_processes_exactly_one_wins(tmp_path: Path) -> None:
    with (
        contender(tmp_path / "lock") as one,
        contender(tmp_path / "lock") as two,
        contender(tmp_path / "lock") as three,
    ):
        answers = [answer(process) for process in (one, two, three)]
    assert answers.count("held") == 1
    assert sum("is in use by" in text for text in answers) == 2


def test_a_lock_given_back_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with RunLock(tmp_path / "lock"):
            assert json.loads((tmp_path / "lock").read_bytes())["pid"] == os.getpid()
        assert (tmp_path / "lock").read_bytes() == b""


def test_a_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RunLock(tmp_path / "lock"):
        raise KeyError
    with RunLock(tmp_path / "lock"):
        pass


def test_the_lock_of_a_killed_process_is_reclaimed(tmp_path: Path) -> None:
    with contender(tmp_path / "lock") as other:
        assert answer(other) == "held"
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert json.loads((tmp_path / "lock").read_bytes())["pid"] == other.pid
        with RunLock(tmp_path / "lock"):
            pass


def test_a_killed_process_that_nobody_waited_for_is_dead(tmp_path: Path) -> None:
    with contender(tmp_path / "lock") as other:
        assert answer(other) == "held"
        other.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with RunLock(tmp_path / "lock"):
            pass


@pytest.mark.parametrize(
    "change",
    [{"started": 1.0}, {"boot_id": "another boot"}, {"pid": 2**22 + 1}],
    ids=["reused pid", "other boot", "dead pid"],
)
def test_a_stale_holder_is_reclaimed(tmp_path: Path, change: dict[str, float | str]) -> None:
    stale = LockHolder.model_validate(holder_now(tmp_path / "lock").model_dump() | change)
    (tmp_path / "lock").write_text(stale.model_dump_json(), encoding="utf-8")
    with RunLock(tmp_path / "lock"):
        pass


def test_the_text_refuses_where_the_kernel_has_no_lock(tmp_path: Path) -> None:
    holder = holder_now(tmp_path / "lock")
    (tmp_path / "lock").write_text(holder.model_dump_json(), encoding="utf-8")
    with (
        pytest.raises(ValueError, match=f"in use by process {os.getpid()}"),
        RunLock(tmp_path / "lock"),
    ):
        pass


def test_the_text_in_a_copy_of_the_folder_holds_nothing(tmp_path: Path) -> None:
    with RunLock(tmp_path / "lock"):
        copy = tmp_path / "copy"
        copy.write_bytes((tmp_path / "lock").read_bytes())
        assert live_holder(tmp_path / "lock") is not None
        assert live_holder(copy) is None
        with RunLock(copy):
            pass


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": 1}', '{"pid":-1,"started":1,"boot_id":""}', "\0" * 100]
)
def test_a_torn_lock_file_of_nobody_is_reclaimed(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text, encoding="utf-8")
    with RunLock(tmp_path / "lock"):
        pass


def test_the_children_of_a_killed_holder_do_not_keep_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_WITH_CHILDREN, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as other:
        children = [int(pid) for pid in answer(other).split()]
        other.kill()
        other.wait()
        try:
            assert len(children) == 2
            assert all(map(psutil.pid_exists, children))
            with RunLock(tmp_path / "lock"):
                pass
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)


LEAVE_IN_A_CHILD = """
import os, sys
from pathlib import Path
from state.commit import RunLock

with RunLock(Path(sys.argv[1])):
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        sys.stdin.read()
"""


def test_a_forked_child_that_leaves_the_block_does_not_give_the_lock_back(tmp_path: Path) -> None:
    with contender(tmp_path / "lock", LEAVE_IN_A_CHILD) as other:
        assert answer(other) == "0"
        with pytest.raises(ValueError, match=f"process {other.pid}"), RunLock(tmp_path / "lock"):
            pass


def test_the_kernels_lock_refuses_where_the_text_is_gone(tmp_path: Path) -> None:
    with RunLock(tmp_path / "lock"):
        (tmp_path / "lock").write_bytes(b"")
        with (
            pytest.raises(ValueError, match="in use by another process; stop it"),
            RunLock(tmp_path / "lock"),
        ):
            pass


def no_kernel_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_a_clock_that_is_set_hides_no_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library adds the time of the boot to a process's start, and the clock moves that."""
    lock = tmp_path / "lock"
    with contender(lock) as other:
        assert answer(other) == "held"
        true_start = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: true_start(self) + 3600)
        holder = live_holder(lock)
        assert holder is not None
        assert holder.pid == other.pid
        monkeypatch.setattr(fcntl, "flock", no_kernel_locks)
        with pytest.raises(InUse, match=f"process {other.pid}"), RunLock(lock):
            pass


def test_a_folder_that_cannot_be_locked_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="cannot be locked: No such file or directory; choose"),
        RunLock(tmp_path / "absent" / "lock"),
    ):
        pass
