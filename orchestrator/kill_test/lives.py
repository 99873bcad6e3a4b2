"""The processes of one run, which are killed and started again."""

import os
import signal
import time
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self, assert_never

import psutil

from orchestrator.kill_test import forked
from orchestrator.kill_test.instruments import instrumented, read_steps
from orchestrator.kill_test.small_run import Scratch, expect
from state.run_folder import RunFolder

EngineName = Literal["inline", "ray"]
Victim = Literal["controller", "worker", "tree"]
"""The process that was started; one that trains for it; it and everything that it started."""

POLL_SECONDS = 0.002
START_SECONDS = 120.0


class Lives:
    """A run that goes on in one process after the other, each with a process group of its own."""

    def __init__(self, scratch: Scratch, folder: RunFolder, engine: EngineName) -> None:
        self.scratch, self.folder, self.engine = scratch, folder, engine
        self.log = scratch.root / "steps.txt"
        self.log.unlink(missing_ok=True)
        self.started_at = 0.0
        """time.monotonic() when this life began, or lost a worker."""
        self.orphans: list[psutil.Process] = []
        """What the dead controllers left running."""
        self.status: int | None = None
        self._pid = 0
        self._begun_with = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing of the run outlives it."""
        if not self.ended():
            self.kill("tree")
        self.reap()

    def start(self) -> None:
        """Go on with the run."""
        work = instrumented(forked.resumed(self.folder.root, engine=self.engine), self.log)
        self.started_at, self._begun_with = time.monotonic(), self.num_steps()
        self._pid = forked.start(work, self.scratch.log)
        self.status = None

    def num_steps(self) -> int:
        """Steps that were taken so far, repeated ones included."""
        return len(read_steps(self.log))

    def live(self, seconds: float) -> bool:
        """Let it work for `seconds`; False where it ended before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended():
            time.sleep(POLL_SECONDS)
        return not self.ended()

    def take_a_step(self) -> bool:
        """Wait for the first step of this life; False where it ends without one.

        Raises:
            RuntimeError: it does neither for two minutes.
        """
        deadline = time.monotonic() + START_SECONDS
        while self.num_steps() == self._begun_with:
            if self.ended():
                return False
            if time.monotonic() > deadline:
                raise RuntimeError(f"no step within {START_SECONDS:.0f} s of a start")
            time.sleep(0.02)
        return True

    def ended(self) -> bool:
        """The process that was started last is gone."""
        if self.status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def kill(self, victim: Victim) -> None:
        """SIGKILL; returns once what was killed is dead."""
        descendants = psutil.Process(self._pid).children(recursive=True)
        match victim:
            case "controller":
                os.kill(self._pid, signal.SIGKILL)
            case "worker":
                _kill(self._workers(descendants)[:1])
                self.started_at, self._begun_with = time.monotonic(), self.num_steps()
                return
            case "tree":
                with suppress(ProcessLookupError):
                    os.killpg(self._pid, signal.SIGKILL)
                _kill(descendants)
            case _:
                assert_never(victim)
        self.status = os.waitpid(self._pid, 0)[1]
        self.orphans += descendants

    def finish(self) -> None:
        """Let it work to the end of the run.

        Raises:
            RuntimeError: it ended in another way.
        """
        if self.status is None:
            self.status = os.waitpid(self._pid, 0)[1]
        expect(forked.ended(self.status), 0, self.scratch)

    def reap(self) -> int:
        """Kill what the dead controllers left running, and nothing else; returns how many."""
        left = [one for one in self.orphans if one.is_running()]
        _kill(left)
        self.orphans = []
        return len(left)

    def _workers(self, descendants: list[psutil.Process]) -> list[psutil.Process]:
        """The one that took the last step first."""
        last = [step.pid for step in reversed(read_steps(self.log))]
        training = [one for one in descendants if one.pid in last]
        return sorted(training, key=lambda one: last.index(one.pid))


def _kill(processes: list[psutil.Process]) -> None:
    """A process that took the id of one of them is left alone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
