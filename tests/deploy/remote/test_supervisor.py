"""What sees to a run on a far machine: it restarts what crashed, and ends what is to end."""

import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.remote import supervisor
from deploy.remote.job import new_job, run_of

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
run = Path("runs/one"); run.mkdir(parents=True, exist_ok=True)
with open("words.jsonl", "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
def commit(name):
    (run / "state.json").write_text(json.dumps({"sha256": name, "summary": {"spent": len(name)}}))
count = len(open("words.jsonl").readlines())
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals as they were; no long waits."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.02)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def make_job(tmp_path: Path, body: str) -> Path:
    """A job whose program does `body`."""
    (tmp_path / "program.py").write_text(PROGRAM + body, encoding="utf-8")
    program = [sys.executable, "-S", str(tmp_path / "program.py")]
    job = new_job(["--run-dir", "runs/one", "--budget", "9", "--plain"], program, "code")
    folder = tmp_path / "job"
    folder.mkdir()
    supervisor.write(folder / supervisor.JOB, {**job, "before": ""})
    supervisor.write(folder / supervisor.SECRETS, {"SECRET": "planted"})
    return folder


def watched(folder: Path) -> dict[str, Any]:
    supervisor.watch(folder)
    return supervisor.status(folder)


def words(folder: Path) -> list[list[str]]:
    lines = (folder.parent / "words.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


FIRST = ["--run-dir", "runs/one", "--budget", "9", "--plain"]
AGAIN = ["--resume", "runs/one", "--plain"]


def test_a_run_that_ends_well_is_finished_and_its_secrets_go(tmp_path: Path) -> None:
    folder = make_job(tmp_path, "commit('a'); print(os.environ['SECRET'] == 'planted')")
    found = watched(folder)
    assert found["state"] == "finished"
    assert (folder / supervisor.OUTPUT).read_text(encoding="utf-8") == "True\n"
    assert not (folder / supervisor.SECRETS).exists()
    assert words(folder) == [FIRST]


def test_a_run_that_crashes_is_resumed_once_it_has_a_commit(tmp_path: Path) -> None:
    body = """
if count == 1: sys.exit(1)
if count == 2: commit("a"); os.kill(os.getpid(), signal.SIGKILL)
commit("b")
"""
    folder = make_job(tmp_path, body)
    found = watched(folder)
    assert (found["state"], found["restarts"], found["exit_code"]) == ("finished", 2, 0)
    assert words(folder) == [FIRST, FIRST, AGAIN]
    story = (folder / supervisor.STORY).read_text(encoding="utf-8")
    assert [json.loads(line)["state"] for line in story.splitlines()].count("waiting") == 2
    assert "ended by signal 9" in story


def test_a_run_that_comes_nowhere_is_given_up(tmp_path: Path) -> None:
    folder = make_job(tmp_path, "print('it is', 'broken'); sys.exit(1)")
    found = watched(folder)
    assert found["state"] == "failed"
    assert found["reason"] == "ended with 1: it is broken, 5 times without a commit between"
    assert len(words(folder)) == supervisor.FRUITLESS


@pytest.mark.parametrize(
    ("code", "state"), [(2, "failed"), (3, "failed"), (130, "stopped"), (143, "stopped")]
)
def test_what_would_end_the_same_again_is_not_started_again(
    tmp_path: Path, code: int, state: str
) -> None:
    folder = make_job(tmp_path, f"print('why'); sys.exit({code})")
    found = watched(folder)
    assert (found["state"], found["reason"], found["exit_code"]) == (state, "why", code)
    assert len(words(folder)) == 1


ENDLESS = "commit('a'); print('at work', flush=True); time.sleep(60)"
COMMITS = "signal.signal(signal.SIGTERM, lambda *_: (commit('b'), sys.exit(143)))\n" + ENDLESS
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ENDLESS


@pytest.mark.parametrize(
    ("body", "commit", "reason"), [(COMMITS, "b", "committed first"), (STUBBORN, "a", "forced")]
)
def test_a_kill_waits_for_the_commit_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, commit: str, reason: str
) -> None:
    monkeypatch.setattr(supervisor, "COMMIT_SECONDS", 1.0)
    folder = make_job(tmp_path, body)

    def kill_it_at_work() -> None:
        at_work(folder)
        supervisor.kill(folder)

    killer = threading.Thread(target=kill_it_at_work)
    killer.start()
    found = watched(folder)
    killer.join()
    assert found["state"] == "killed"
    assert reason in found["reason"]
    assert supervisor.commit(tmp_path / "runs/one") == commit
    assert len(words(folder)) == 1


def test_a_kill_between_two_starts_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 30.0)
    folder = make_job(tmp_path, "sys.exit(1)")

    def kill_while_it_waits() -> None:
        while supervisor.read(folder / supervisor.NOW).get("state") != "waiting":
            time.sleep(0.01)
        supervisor.kill(folder)

    killer = threading.Thread(target=kill_while_it_waits)
    killer.start()
    assert watched(folder)["state"] == "killed"
    killer.join()


def test_a_machine_that_goes_down_is_no_end_of_the_job(tmp_path: Path) -> None:
    body = COMMITS.replace(
        "print('at work", "count == 2 and sys.exit(0); os.kill(os.getppid(), 15); print('at work"
    ).replace("time.sleep(60)", "os.kill(os.getpid(), 15); time.sleep(60)")
    folder = make_job(tmp_path, body)
    found = watched(folder)
    assert (found["state"], found["reason"]) == ("interrupted", "the machine went down")
    assert (folder / supervisor.SECRETS).exists()
    assert found["summary"] == {"spent": 1}


def test_a_job_outlives_who_started_it_and_the_loss_of_its_supervisor(tmp_path: Path) -> None:
    folder = make_job(tmp_path, COMMITS)

    def ask(verb: str) -> dict[str, Any]:
        words = [sys.executable, "-I", "-S", supervisor.__file__, verb, str(folder)]
        return dict(json.loads(subprocess.run(words, capture_output=True, check=True).stdout))

    assert ask("status")["state"] == "interrupted"
    first = ask("start")
    assert first["state"] == "running"
    at_work(folder)
    assert ask("start")["pid"] == ask("status")["pid"] == first["pid"] or first["pid"] is None
    run = psutil.Process(ask("status")["pid"])
    watcher = run.parent()
    assert watcher is not None
    watcher.kill()
    run.kill()
    assert ask("status")["state"] == "interrupted"
    assert ask("revive")["state"] == "running"
    at_work(folder, 2)
    assert words(folder) == [FIRST, AGAIN]
    assert ask("kill")["state"] == "killed"
    assert ask("revive")["state"] == "killed"
    assert ask("start")["state"] == "killed"


def test_a_job_that_was_interrupted_can_be_killed(tmp_path: Path) -> None:
    folder = make_job(tmp_path, "")
    assert supervisor.status(folder)["state"] == "interrupted"
    assert supervisor.kill(folder)["state"] == "killed"
    assert not (folder / supervisor.SECRETS).exists()


def at_work(folder: Path, count: int = 1) -> None:
    """Wait until the program says so, for the `count`-th time."""
    path = folder / supervisor.OUTPUT
    for _ in range(1000):
        if path.exists() and path.read_bytes().count(b"at work") >= count:
            return
        time.sleep(0.02)
    raise AssertionError("the program does not start")


def test_a_command_must_name_a_run_among_the_runs() -> None:
    assert run_of(["train", "--run-dir=runs/a b", "--iters", "3"]) == "runs/a b"
    assert run_of(["--resume", "runs/one/state.json"]) == "runs/one"
    for words in ([], ["--run-dir", "/tmp/x"], ["--run-dir", "runs/.."], ["--resume"]):
        with pytest.raises(ValueError, match="names no run as --run-dir runs/NAME"):
            run_of(words)


def test_what_holds_for_a_run_that_is_started_again() -> None:
    command = ["--resume", "runs/one", "--budget", "90", "--workers=3", "--wandb"]
    job = new_job(command, ["python"], "code")
    assert job["again"] == ["--resume", "runs/one", "--wandb", "--workers", "3"]


def test_files_of_a_job_are_private(tmp_path: Path) -> None:
    assert stat.S_IMODE(make_job(tmp_path, "").stat().st_mode) & 0o700
