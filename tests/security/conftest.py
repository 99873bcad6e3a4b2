"""A real run with secrets all around it, and everything that it left; and one without them."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from orchestrator.cli import main
from trainer.demo_corpus import write_demo_corpus

ROOT = Path(__file__).parent.parent.parent
SECRETS = {
    "RAY_AUTH_TOKEN": "5ec2e7a0" * 8,
    "SYMBIO_REMOTE_SECRET": "planted-remote-secret",
    "SYMBIO_DB_URL": "postgresql://trainer:planted-password@db.invalid/runs",
    "AWS_SECRET_ACCESS_KEY": "planted/aws/key",
    "GITHUB_TOKEN": "ghp_planted",
    "GOOGLE_APPLICATION_CREDENTIALS": "planted-credentials.json",
}
VALUES = (*SECRETS.values(), "planted-password")

TINY = {
    "budget": 60,
    "model": {"dim": 8, "heads": 1, "layers": 1, "block": 16},
    "optimizer": {"batch": 8},
    "data": {"paths": ["corpus.txt"], "tokenizer": "byte", "search_bytes": 1000},
    "battery": {"prompts": 1, "max_new_tokens": 1, "temperatures": [0.8]},
    "gate": {"resamples": 100},
    "engine": {"host_threads": 1, "workers": 1},
}
RUN = ("--config", "tiny.json", "--run-dir", "run", "--engine")
AFTERWARDS = (
    ("status", "run", "--json"),
    ("report", "run"),
    ("export", "run", "--to", "exported"),
    ("sample", "run", "--tokens", "4"),
    ("verify", "run"),
    ("status", "no-such-run"),
)
ONE_AFTER_THE_OTHER = """\
import json, sys
from orchestrator.cli import main
codes = [main(line) for line in json.loads(sys.argv[1])]
sys.exit(codes != [0] * (len(codes) - 1) + [2])
"""


class Traces(NamedTuple):
    """What a run and the commands after it left."""

    folder: Path
    """Where they were started: corpus, configuration, run, export, home, scratch."""
    printed: str
    command_lines: frozenset[str]
    """Of every process below the run."""


@pytest.fixture(scope="session")
def inline_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """A whole run in one process, and what is done with it afterwards."""
    with scratch_folder() as scratch:
        yield left_by("inline", AFTERWARDS, tmp_path_factory.mktemp("inline"), scratch)


@pytest.fixture(scope="session")
def ray_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """A whole run with a Ray of its own, whose logs stay in the scratch folder."""
    with scratch_folder() as scratch:
        yield left_by("ray", (), tmp_path_factory.mktemp("ray"), scratch)


@pytest.fixture(params=["inline", pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow])])
def traces(request: pytest.FixtureRequest) -> Traces:
    """Of a run with each engine."""
    found: Traces = request.getfixturevalue(f"{request.param}_traces")
    return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, made in this process; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    prepare_in(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*RUN, "inline"]) == 0
    return folder / "run"


def prepare_in(folder: Path) -> None:
    """A corpus and a configuration."""
    write_demo_corpus(folder / "corpus.txt", 20_000)
    (folder / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """Ray's sockets lie there, and a socket's path is short."""
    return tempfile.TemporaryDirectory()


def left_by(
    engine: str, afterwards: tuple[tuple[str, ...], ...], folder: Path, scratch: str
) -> Traces:
    """Run the commands in `folder` and collect what they left."""
    prepare_in(folder)
    (folder / "scratch").symlink_to(scratch)
    (folder / "home").mkdir()
    seen: set[str] = set()
    printed = started(folder, scratch, ("-m", "orchestrator.cli", *RUN, engine), seen)
    if afterwards:
        printed += started(
            folder, scratch, ("-c", ONE_AFTER_THE_OTHER, json.dumps(afterwards)), seen
        )
    return Traces(folder, printed, frozenset(seen))


def started(folder: Path, scratch: str, command: tuple[str, ...], seen: set[str]) -> str:
    """What one process printed; the command lines below it go into `seen`."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={
            **kept,
            **SECRETS,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "HOME": str(folder / "home"),
            "TMPDIR": scratch,
            "RAY_TMPDIR": scratch,
            # Its page is the other run's too.
            **({"SYMBIO_NO_FIGURES": "1"} if "ray" in command else {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watcher = threading.Thread(target=watch, args=(process.pid, seen))
    watcher.start()
    printed, _ = process.communicate(timeout=110)
    watcher.join()
    assert process.returncode == 0, printed
    return printed


def watch(pid: int, seen: set[str]) -> None:
    """Collect the command lines of a process and of those below it while it lives."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    seen.add(" ".join(process.cmdline()))
            psutil.wait_procs([root], timeout=0.2)
