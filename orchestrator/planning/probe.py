"""Measuring: as many processes as a run has slots train its model for a moment, then one alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean, median

import orchestrator
from orchestrator.config import RunConfig
from orchestrator.planning.messages import Answer, Order, Question
from orchestrator.planning.rates import Rates, Speed
from orchestrator.resolve import worker_setup
from state.run_folder import RunFolder

PROBE_SECONDS = 3.0
READY = "ready"


def measure(
    config: RunConfig, folder: RunFolder, *, slots: int, formula: str, begun: float
) -> Rates:
    """Train the model of `config` on the dataset in `folder`.

    `begun` is the monotonic time at which preparing began. The processes end with this call,
    however it ends.

    Raises:
        RuntimeError: a process ended early; the message has its last words.
    """
    busy = os.getloadavg()[0]
    order = Order(
        setup=worker_setup(config, folder),
        formula=formula,
        keeps_mean=config.host.mean_horizon > 0 and config.model.recipe == "modern",
        battery=config.mode == "phases",
    )
    with _workers(order, folder.root, slots) as workers:
        start_seconds = time.monotonic() - begun
        each = PROBE_SECONDS / 2
        beside = ask(workers, Question(threads=1, seconds=each))
        threads = config.engine.host_threads or 1
        (alone,) = ask(workers[:1], Question(threads=threads, seconds=each, everything=True))
    return rates_of(beside, alone, start_seconds=start_seconds, busy=busy)


def rates_of(
    beside: Sequence[Answer], alone: Answer, *, start_seconds: float, busy: float
) -> Rates:
    """What the answers say together."""
    return Rates(
        member=Speed(
            step_seconds=fmean(one.step_seconds for one in beside),
            spread=median(one.spread for one in beside),
            look_token_seconds=fmean(one.look_token_seconds for one in beside),
        ),
        single=Speed(
            step_seconds=alone.step_seconds,
            spread=alone.spread,
            look_token_seconds=alone.look_token_seconds,
        ),
        store_seconds=alone.store_seconds,
        battery_seconds=alone.battery_seconds,
        reference_seconds=alone.reference_seconds,
        start_seconds=start_seconds,
        checkpoint_bytes=alone.checkpoint_bytes,
        activation_bytes=alone.activation_bytes,
        worker_bytes=max(one.worker_bytes for one in (*beside, alone)),
        accelerator_bytes=max(one.accelerator_bytes for one in (*beside, alone)),
        windows=alone.windows,
        busy=busy,
    )


class Worker:
    """One process."""

    def __init__(self, order: Path, log: Path) -> None:
        """Starts it; `wait` for its first word."""
        root = str(Path(orchestrator.__file__).parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        # Torch leaves a folder of its own in the temporary one.
        own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(log.parent)}
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.planning.worker", str(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **own},
            )

    def tell(self, question: Question) -> None:
        """Ask without waiting for the answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{question.model_dump_json()}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.gone() from None

    def hear(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise self.gone()
        return line

    def gone(self) -> RuntimeError:
        """What to raise of a process that ended."""
        self.process.wait()
        last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        words = last[0] if last else f"exit code {self.process.returncode}"
        return RuntimeError(f"the model could not be trained for a moment: {words}")

    def close(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def _workers(order: Order, folder: Path, count: int) -> Iterator[list[Worker]]:
    """Processes that stand ready, killed at the end."""
    path = folder / "order.json"
    path.write_text(order.model_dump_json(), encoding="utf-8")
    with ExitStack() as ending:
        workers = []
        for number in range(count):
            workers.append(Worker(path, folder / f"worker-{number}.log"))
            ending.callback(workers[-1].close)
        for worker in workers:
            while worker.hear() != READY:
                pass
        yield workers


def ask(workers: Sequence[Worker], question: Question) -> list[Answer]:
    """All at the same time."""
    for worker in workers:
        worker.tell(question)
    return [Answer.model_validate_json(worker.hear()) for worker in workers]
