"""A run folder that cannot be written, from the start or from some moment on."""

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.commits import restore
from state.commit import load_commit
from state.durable import Operation, intercepted
from tests.builders import ScriptedEngine, ScriptedRun, digest
from tests.integration.failures.conftest import CONFIG
from trainer.config import DataConfig
from trainer.data import prepare
from trainer.demo_corpus import write_demo_corpus


@pytest.fixture(scope="module")
def readable(stopped: Path) -> Path:
    """The run with the data that the command line asks for."""
    text = stopped / "corpus.txt"
    write_demo_corpus(text, 20_000)
    prepare(DataConfig(paths=(str(text),)), stopped / "data", 16)
    return stopped


@pytest.fixture
def run(readable: Path, tmp_path: Path) -> ScriptedRun:
    """A copy of it."""
    folder = shutil.copytree(readable, tmp_path / "run")
    return ScriptedRun(folder, CONFIG, ScriptedEngine(folder))


def symbio(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as somebody whom permissions bind, which root is not."""
    bound = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root writes everywhere, and there is no setpriv to take that away")
        bound = ["setpriv", "--bounding-set=-dac_override"]
    return subprocess.run(
        [*bound, sys.executable, "-m", "orchestrator.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_folder_without_write_permission_is_refused_and_can_be_looked_at(
    run: ScriptedRun,
) -> None:
    root = run.folder.root
    everything = [root, *root.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in everything}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        refused = symbio("--resume", str(root))
        shown = symbio("status", str(root))
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert "cannot be locked: Permission denied; choose another with --run-dir" in refused.stderr
    assert shown.returncode == 0, shown.stderr
    assert "resume with" in shown.stdout
    assert everything == [root, *root.rglob("*")]


@pytest.mark.parametrize("kth", [1, 10, 25])
def test_a_folder_that_turns_read_only_stops_the_run_and_loses_nothing(
    run: ScriptedRun, whole: str, kth: int
) -> None:
    count = 0

    def hook(operation: Operation, path: Path) -> None:
        nonlocal count
        count += 1
        if count >= kth:
            raise OSError(errno.EROFS, "Read-only file system", str(path))

    record = load_commit(run.folder).record
    with pytest.raises(OSError, match="Read-only file system"), intercepted(hook):
        run.play(restore(record).run, record.journal_bytes)
    record = load_commit(run.folder).record
    assert digest(run.play(restore(record).run, record.journal_bytes)) == whole
