"""A real run goes from here to a far machine and back, and is the same as one that stayed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.remote.session import Session
from orchestrator.kill_test.contents import contents, differences
from state.run_folder import RunFolder
from tests.deploy.remote.conftest import QUICK
from tests.deploy.remote.sshd import Sshd
from trainer.demo_corpus import write_demo_corpus

ROOT = Path(__file__).parents[3]
SECRET = "planted-5ec2e7-secret"
TINY = {
    "budget": 60,
    "model": {"dim": 8, "heads": 1, "layers": 1, "block": 16},
    "optimizer": {"batch": 8},
    "data": {"tokenizer": "byte", "search_bytes": 1000},
    "battery": {"prompts": 1, "max_new_tokens": 1, "temperatures": [0.8]},
    "gate": {"resamples": 100},
    "engine": {"engine": "inline", "host_threads": 1, "workers": 1},
}
QUIET = {"SYMBIO_NO_FIGURES": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def session(sshd: Sshd, tmp_path: Path) -> Iterator[Session]:
    """To a machine whose interpreter is ours."""
    home = str(tmp_path / "far" / "symbio")
    with Session(*sshd.address, home=home, python=sys.executable, timing=QUICK) as one:
        yield one
        if one.status().works:
            one.kill()


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The program on this machine."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", *words],
        cwd=folder,
        env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], text: str) -> None:
    """It has printed that."""
    assert process.stdout is not None
    assert any(text in line for line in process.stdout), f"it ended before {text!r}"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a corpus and a configuration."""
    write_demo_corpus(tmp_path / "corpus.txt", 20_000)
    (tmp_path / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    (tmp_path / "stays").mkdir()
    return tmp_path


NEW = ("--data", "corpus.txt", "--config", "tiny.json", "--run-dir", "run")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_goes_on_there_and_comes_back_as_if_it_had_stayed(
    sshd: Sshd, session: Session, here: Path
) -> None:
    with begin(here, *NEW) as begun:
        until(begun, "primordial begins")
        begun.send_signal(signal.SIGTERM)
        begun.communicate()
    assert begun.returncode == 143
    shutil.copytree(here / "run", here / "stays/run")

    pushed = session.push(ROOT, here / "corpus.txt", here / "run")
    assert pushed[:2] == ("data/corpus.txt", "runs/run")
    session.start(["--resume", "runs/run"], {**QUIET, "SYMBIO_REMOTE_SECRET": SECRET})
    session.__exit__(None, None, None)
    while sshd.sessions():
        time.sleep(0.02)
    seen = follow_until(session, sshd, "cambrian begins")
    assert any("resumed" in line or "goes on" in line for line in seen)
    with pytest.raises(ValueError, match=r"works on run run; wait for its end, or kill it"):
        session.fetch("run", here)
    with pytest.raises(ValueError, match="works on a run; wait for its end"):
        session.start(["--resume", "runs/run"], {})
    assert_no_secret(here)
    killed = session.kill()
    assert killed.state == "killed", killed
    assert killed.reason is not None
    assert "committed first" in killed.reason

    assert session.fetch("run", here) == here / "run"
    with (
        begin(here, "--resume", "run") as ended,
        begin(here / "stays", "--resume", "run") as stayed,
    ):
        ended.communicate()
        stayed.communicate()
    assert (ended.returncode, stayed.returncode) == (0, 0)
    assert differences(*(contents(RunFolder(here / name)) for name in ("stays/run", "run"))) == ()
    assert_no_secret(here)


def follow_until(session: Session, sshd: Sshd, text: str) -> list[str]:
    """The lines up to one; the connection breaks once meanwhile."""
    seen: list[str] = []
    for line in session.logs(follow=True):
        seen.append(line)
        if len(seen) == 2:
            assert sshd.drop()
        if text in line:
            return seen
    raise AssertionError("\n".join(seen))


def assert_no_secret(folder: Path) -> None:
    """But in the file that only its owner can read, while the run works."""
    for process in psutil.process_iter(["cmdline"]):
        assert SECRET not in " ".join(process.info["cmdline"] or ())
    holding = [
        path
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    assert [path.name for path in holding] in ([], ["environment.json"])
    for path in holding:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_a_command_that_is_refused_there_says_why(session: Session, here: Path) -> None:
    session.push(ROOT, None, None)
    assert session.send_file(here / "tiny.json") == "files/tiny.json"
    words = ["--data", "data/no.txt", "--config", "files/tiny.json", "--run-dir", "runs/one"]
    session.start(words, QUIET)
    lines = list(session.logs(follow=True))
    found = session.status()
    assert (found.state, found.exit_code) == ("failed", 2)
    assert found.reason is not None
    assert "data/no.txt does not exist" in found.reason
    assert found.reason == lines[-1]
    assert session.kill().state == "failed"
    with pytest.raises(ValueError, match="holds no run with a commit"):
        session.fetch("one", here)


@pytest.mark.slow
def test_what_is_installed_is_not_installed_again(sshd: Sshd, here: Path) -> None:
    checkout, home, told = here / "checkout", here / "far", list[str]()
    (checkout / "orchestrator").mkdir(parents=True)
    (checkout / "orchestrator" / "cli.py").write_text("print('at work')", encoding="utf-8")
    lock = checkout / "requirements.lock"
    with Session(*sshd.address, home=str(home), told=told.append) as session:
        lock.write_text("./no-such-package\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"could not be installed .*no-such-package"):
            session.push(checkout, None, None)
        lock.write_text("# nothing\n", encoding="utf-8")
        session.push(checkout, None, None)
        session.start(["--run-dir", "runs/one"], {})
        assert list(session.logs(follow=True)) == ["at work"]
        session.push(checkout, None, None)
    assert sum("installing packages" in line for line in told) == 2
    assert (home / "venv/bin/python").exists()
    wrapped = subprocess.run([home / "symbio-auto"], capture_output=True, check=True)
    assert wrapped.stdout == b"at work\n"
