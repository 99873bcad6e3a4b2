"""Faults for the failure list of the reliability chapter; each of its rows has a test.

| failure | test |
|---|---|
| worker hangs, dies, runs out of memory, raises | `test_workers.py` |
| a member that fails: what the run does | `tests/orchestrator/test_failures.py` |
| NaN storm | `tests/orchestrator/test_engines.py`, `tests/orchestrator/test_failures.py` |
| Ray's head gone, no room, no answer | `test_workers.py` |
| torn, bit-flipped, truncated, missing files; older and newer schema | `test_damaged_files.py` |
| read-only folder | `test_read_only_folder.py` |
| clock jump | `test_clock_jump.py` |
| laptop sleep, SIGTERM, Ctrl-C twice, two controllers, pause and stop | `test_signals.py` |
| listener that raises or blocks | `test_listeners.py` |
| disk full | `tests/state/` |
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config

# The command line, on an engine whose tasks take a given time and train nothing.
PROGRAM = """
import sys, time
from functools import partial
from pathlib import Path
from orchestrator import session
from orchestrator.cli import main
from orchestrator.commits import Saved, publish
from orchestrator.telemetry import Telemetry
from state.commit_files import CommitFiles
from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, make_config, make_state
from trainer.config import DataConfig
from trainer.data import prepare
from trainer.demo_corpus import write_demo_corpus

folder, task_seconds = RunFolder(Path(sys.argv[1])), float(sys.argv[2])

class SlowEngine(ScriptedEngine):
    def answer(self, task):
        (folder.root / "working").touch()
        time.sleep(task_seconds)
        return super().answer(task)

session.build_engine = lambda config, folder: SlowEngine(folder.root)
session.Interrupt = partial(session.Interrupt, grace_seconds=float(sys.argv[3]))
if not folder.state.exists():
    folder.create()
    text = folder.root.with_suffix(".txt")
    write_demo_corpus(text, 20_000)
    prepare(DataConfig(paths=(str(text),)), folder.data, 16)
    config = make_config()
    saved = Saved(config=config, run=make_state(config), telemetry=Telemetry())
    publish(CommitFiles(folder), saved, {})
sys.exit(main(["--resume", str(folder.state), "--plain"]))
"""


class OtherTerminal:
    """A run that works in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self.process: subprocess.Popen[str] | None = None

    def start(self, task_seconds: float, *, grace_seconds: float = 20) -> None:
        """Begin, or go on; returns once it works."""
        seconds = (task_seconds, grace_seconds)
        process = self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.folder.root), *map(str, seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        working = self.folder.root / "working"
        self.wait_until(lambda: working.exists() or process.poll() is not None)
        assert working.exists(), self.leave()

    def send(self, number: signal.Signals) -> None:
        """Signal it, and nobody else."""
        assert self.process is not None
        self.process.send_signal(number)

    def leave(self, seconds: float = 30) -> tuple[int, str]:
        """Its exit code and all that it printed, once it has left."""
        assert self.process is not None
        printed, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, printed

    def num_results(self) -> int:
        """Tasks whose results are committed."""
        if not self.folder.results_jsonl.exists():
            return 0
        return len(self.folder.results_jsonl.read_bytes().splitlines())

    @staticmethod
    def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
        """Poll; the test fails where it does not come true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[OtherTerminal]:
    other = OtherTerminal(tmp_path / "run")
    yield other
    if other.process is not None:
        with other.process:
            other.process.kill()


CONFIG = make_config(budget=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of CONFIG comes to that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    return digest(ScriptedRun(folder, CONFIG, ScriptedEngine(folder)).play())


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run in the middle of its search."""
    folder = tmp_path_factory.mktemp("stopped")
    engine = ScriptedEngine(folder)
    engine.stop_after = 12
    ScriptedRun(folder, CONFIG, engine).play()
    return folder
