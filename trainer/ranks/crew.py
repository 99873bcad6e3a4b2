"""The processes that train one member together, from the side of who started them."""

import logging
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import psutil

import trainer
from state.results import Outcome
from state.tasks import TrainingTask
from trainer.config import WorkerSetup
from trainer.ranks.devices import devices
from trainer.ranks.messages import Answer, Place

_log = logging.getLogger(__name__)

COMMAND = [sys.executable, "-m", "trainer.ranks.process"]
LAST_WORDS_SECONDS = 2.0
"""For whoever died first to be found dead: its neighbours may complain before."""
RAISED: dict[str, type[Exception]] = {
    "ValueError": ValueError,
    "OSError": OSError,
    "OutOfSpace": OSError,
    "ArithmeticError": ArithmeticError,
    "FloatingPointError": ArithmeticError,
    "MemoryError": MemoryError,
    "OutOfMemoryError": MemoryError,
}
"""What a process said it raised -> what is raised here; else RuntimeError."""


class RankDied(RuntimeError):  # noqa: N818
    """A process ended before its task did. One line says which, and how."""


class Ranks:
    """`setup.host_devices` processes, started with the first task, which train one at a time.

    They end with this process, whatever ends it: their input does.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._processes: list[Process] = []
        self._rendezvous: Path | None = None

    @property
    def pids(self) -> list[int]:
        """Of the processes that there are, by rank."""
        return [one.child.pid for one in self._processes]

    def train_again(self, task: TrainingTask) -> Outcome:
        """See `train`; where a process dies, new ones go on from the last snapshot, once."""
        try:
            return self.train(task)
        except RankDied as error:
            _log.warning("%s; %s is tried once more", error, task.task_id)
            return self.train(task)

    def train(self, task: TrainingTask) -> Outcome:
        """The outcome of the task; where there is none all processes are ended.

        Raises:
            RankDied: a process ended; the task can be tried again.
            Exception: what a process raised, as it would be raised here.
        """
        try:
            if not self._processes:
                self._open()
            for one in self._processes:
                one.tell(task.model_dump_json())
            outcome = self._answers()[0].outcome
        except BaseException:
            self.close()
            raise
        assert outcome is not None
        return outcome

    def close(self) -> None:
        """End the processes at once."""
        for one in self._processes:
            one.end()
        self._processes = []
        if self._rendezvous is not None:
            self._rendezvous.unlink(missing_ok=True)

    def _open(self) -> None:
        setup = self._setup
        # Whoever cleans up after a kill knows its name as a temporary one.
        self._rendezvous = Path(setup.run_folder) / f".ranks-{secrets.token_hex(4)}.tmp"
        environment = _environment()
        names = devices(setup.host_devices) if setup.device == "cuda" else None
        seen = setup.model_copy(update={"device_index": 0})
        for rank in range(setup.host_devices):
            own = {} if names is None else {"CUDA_VISIBLE_DEVICES": names[rank]}
            self._processes.append(Process.started({**environment, **own}))
            place = Place(setup=seen, rank=rank, rendezvous=str(self._rendezvous))
            self._processes[rank].tell(place.model_dump_json())

    def _answers(self) -> list[Answer]:
        """One of each process, by rank."""
        found: dict[int, Answer] = {}
        with selectors.DefaultSelector() as selector:
            for rank, one in enumerate(self._processes):
                selector.register(one.output, selectors.EVENT_READ, rank)
            while len(found) < len(self._processes):
                for key, _ in selector.select():
                    selector.unregister(key.fileobj)
                    answer = self._processes[key.data].hear()
                    if answer is None or answer.error is not None:
                        raise self._failure(answer)
                    found[key.data] = answer
        return [found[rank] for rank in sorted(found)]

    def _failure(self, answer: Answer | None) -> Exception:
        """What to raise: who died is the reason, whatever the others say of it."""
        ends = time.monotonic() + LAST_WORDS_SECONDS
        while time.monotonic() < ends:
            for rank, one in enumerate(self._processes):
                if one.child.poll() is not None:
                    return RankDied(
                        f"rank {rank} of {len(self._processes)} died: {one.how_it_ended()}"
                    )
            time.sleep(LAST_WORDS_SECONDS / 100)
        assert answer is not None
        assert answer.error is not None
        kind = RAISED.get(answer.error, RuntimeError)
        named = f"{answer.error}: {answer.message}"
        return kind(named if kind is RuntimeError else answer.message)


class Process(NamedTuple):
    """One of them."""

    child: subprocess.Popen[bytes]
    errors: IO[bytes]
    """What it says of itself; a file without a name."""

    @classmethod
    def started(cls, environment: dict[str, str]) -> "Process":
        """A new one, in a session of its own: what a terminal sends is for the run's process."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        return cls(child, errors)

    @property
    def output(self) -> IO[bytes]:
        """Where its answers come from."""
        assert self.child.stdout is not None
        return self.child.stdout

    def tell(self, line: str) -> None:
        """Without waiting for an answer; that it is dead is heard there."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            return

    def hear(self) -> Answer | None:
        """Its next answer; None where it has ended."""
        line = self.output.readline()
        return Answer.model_validate_json(line) if line.endswith(b"\n") else None

    def how_it_ended(self) -> str:
        """Of one that has ended: by what, and its last words."""
        code = self.child.returncode
        self.errors.seek(0)
        words = self.errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return "; ".join([f"signal {-code}" if code < 0 else f"exit code {code}", *words])

    def end(self) -> None:
        """Kill it, and let go of what belonged to it."""
        self.child.kill()
        self.child.wait()
        for one in (self.child.stdin, self.child.stdout, self.errors):
            assert one is not None
            with suppress(BrokenPipeError):
                one.close()


def _environment() -> dict[str, str]:
    """Ours, with this package to be found and sockets that nobody else can reach."""
    root = str(Path(trainer.__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(paths)}
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address == "127.0.0.1" for one in addresses):
            own |= {"GLOO_SOCKET_IFNAME": name, "NCCL_SOCKET_IFNAME": name}
    return {**os.environ, **own}
