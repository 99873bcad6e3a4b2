"""Commands in forked children: they share what was imported, and nothing that was opened.

A child starts at once where a new interpreter needs seconds for torch. Fork before this process
opens a store, a lock or a second thread.
"""

import gc
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from runpy import run_module
from typing import NamedTuple

from state.durable import Hook, intercepted

_MODULES = (
    "dashboard.terminal.event_lines",
    "inference_battery.battery",
    "orchestrator.commands.train_run",
    "orchestrator.controller",
    "orchestrator.preparation",
    "orchestrator.report.build",
    "orchestrator.report.headline",
    "orchestrator.session",
    "rich.markdown",
    "scipy.sparse.csgraph",
    "scipy.special",
    "scipy.stats",
    "state.migrations",
    "trainer.data",
    "trainer.execution",
    "trainer.export",
    "trainer.order2",
)
PROGRAM = "orchestrator.cli"
BROKEN = 70
CLEAN_STOP = 128 + signal.SIGINT


class Ended(NamedTuple):
    """How a child ended: one of the two is None."""

    exit_code: int | None
    signal: int | None


def load() -> None:
    """Import what a run needs, so that no child has to, and keep to one thread."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # A view is no part of what a kill can harm, and takes longer than the runs here.
    os.environ["SYMBIO_NO_FIGURES"] = "1"
    for name in _MODULES:
        import_module(name)
    from trainer.execution import reproducible

    # A child trains on one thread, and a fork must not find more.
    with reproducible(1, "cpu"):
        pass


def start(work: Callable[[], int], log: Path) -> int:
    """Process id of a child that does `work` and leaves with the code it returns.

    What it prints, a traceback included, goes to the end of `log`.
    """
    with warnings.catch_warnings():
        # Python 3.12 warns of every fork beside a native thread pool; ours is idle.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = BROKEN
    try:
        _begin(log)
        code = work()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        os._exit(code)


def wait(pid: int) -> Ended:
    """Wait for a child's end; it does not outlive an exception here."""
    try:
        return ended(os.waitpid(pid, 0)[1])
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def ended(status: int) -> Ended:
    """What a status of `os.waitpid` says."""
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, None) if code >= 0 else Ended(None, -code)


def command(arguments: list[str], *hooks: Hook) -> Callable[[], int]:
    """The program with these arguments, its durable operations announced to `hooks`."""

    def work() -> int:
        sys.argv = [PROGRAM, *arguments]
        try:
            with _all_intercepted(hooks):
                run_module(PROGRAM, run_name="__main__")
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else BROKEN
        return 0

    return work


def resumed(folder: Path, *hooks: Hook, engine: str = "inline") -> Callable[[], int]:
    """The command that goes on with a run."""
    return command(["--resume", str(folder), "--engine", engine, "--plain"], *hooks)


@contextmanager
def _all_intercepted(hooks: tuple[Hook, ...]) -> Iterator[None]:
    if not hooks:
        yield
        return
    with intercepted(hooks[0]), _all_intercepted(hooks[1:]):
        yield


def _begin(log: Path) -> None:
    os.setsid()
    # What was inherited stays as it is: nothing of the parent's is closed from here.
    gc.freeze()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = log.open("a", encoding="utf-8", buffering=1)
    for descriptor in (1, 2):
        os.dup2(file.fileno(), descriptor)
    sys.stdout = sys.stderr = file
