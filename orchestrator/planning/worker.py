"""A process that trains the resolved model for a moment and says how fast that was.

`python -m orchestrator.planning.worker FILE`: the file holds an `Order`. Each line of the input is
a `Question`, each line of the output its `Answer`; the end of the input ends the process.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean

# As in a worker of a run: says how OpenMP is to wait, and so stands before torch.
from orchestrator.task_runner import TaskRunner  # isort: skip

import torch

from inference_battery.battery import judged, write_answers
from inference_battery.reference import Reference
from orchestrator.battery.on_run import reference_of, run_questions, sampling_of
from orchestrator.planning.messages import Answer, Order, Question
from state.records import Genome, Sample
from state.tasks import BatchKey, TrainingTask
from trainer.evaluation import Tally, device_windows, evaluation_mode, windows_at_a_time
from trainer.execution import reproducible
from trainer.losses import plain_loss
from trainer.member import Member, precision
from trainer.target_nats import target_nats
from trainer.training import Chunk

WHOLE_STEP_SECONDS = 2.0
"""A step that would take longer is measured on fewer windows."""
LOOK_SHARE = 0.3
"""Of the seconds of a question, what goes to looking at held-out text."""
FEW_TOKENS = 8
"""Written first, to see whether a whole battery would take long."""
LONG_WRITING_SECONDS = 0.5


class Prober:
    """The model under measurement."""

    def __init__(self, order: Order) -> None:
        """Builds it and takes the first steps, which are slower than the others."""
        self.order = order
        self.executor = TaskRunner(order.setup).executor
        self.setup = order.setup
        genome = Genome(formula=order.formula)
        member = Member.create(self.setup, genome, seed=0)
        task = TrainingTask(
            task_id="probe",
            phase="abiogenesis",
            generation=0,
            lineage=0,
            role="champion",
            genome=genome,
            parent=None,
            parent_genome=genome,
            init_seed=0,
            first_step=1,
            steps=10**9,
            batches=BatchKey(seed=0, lineage=0, generation=0, purpose="probe"),
            mean_rate=0.1 if order.keeps_mean else None,
        )
        self.chunk = Chunk(task, member, self.executor.dataset)
        self.chunk.set_dropout()
        self.steps, self.windows = 0, 1
        with self.pinned(1):
            self.step()
            (seconds,) = self.timed(self.step, 0.0)
            self.windows = max(
                1, min(order.setup.optimizer.batch, int(WHOLE_STEP_SECONDS / seconds))
            )
            self.step()

    def answer(self, question: Question) -> Answer:
        """Measure."""
        with self.pinned(question.threads):
            steps = self.timed(self.step, question.seconds * (1 - LOOK_SHARE))
            looked = self.look(question.seconds * LOOK_SHARE)
        extra = self.extras() if question.everything else {}
        half = max(1, len(steps) // 2)
        first, second = fmean(steps[:half]), fmean(steps[-half:])
        return Answer(
            steps=len(steps),
            windows=self.windows,
            step_seconds=fmean(steps) * self.order.setup.optimizer.batch / self.windows,
            spread=abs(first - second) / min(first, second),
            look_token_seconds=looked,
            worker_bytes=_peak_bytes(),
            accelerator_bytes=torch.cuda.max_memory_allocated() if self.on_cuda else 0,
            **extra,
        )

    def step(self) -> None:
        """One step of training, as a run takes it but for the number of windows."""
        optimizer = self.order.setup.optimizer.model_copy(update={"batch": self.windows})
        setup = self.order.setup.model_copy(update={"optimizer": optimizer})
        self.chunk.setup = self.chunk.member.setup = setup
        self.chunk.rows.append(self.chunk.step(self.steps))
        self.steps += 1

    def timed(self, act: Callable[[], None], seconds: float) -> list[float]:
        """Seconds of each call, as many as fit but at least one."""
        taken: list[float] = []
        until = time.perf_counter() + seconds
        while not taken or time.perf_counter() < until:
            begun = time.perf_counter()
            act()
            self.wait()
            taken.append(time.perf_counter() - begun)
        return taken

    def look(self, seconds: float) -> float:
        """Seconds a token of held-out text, over as much of it as fits."""
        model, dataset = self.chunk.member.model, self.executor.dataset
        tally, begun = Tally("search"), time.perf_counter()
        with evaluation_mode([model]), precision(self.setup):
            for inputs, targets, num_bytes in device_windows(
                model, dataset, "search", windows_at_a_time(model)
            ):
                nats = target_nats(model, model.read(inputs, None), targets)
                tally.count(nats, targets, num_bytes)
                if time.perf_counter() - begun > seconds:
                    break
        return (time.perf_counter() - begun) / max(1, tally.tokens)

    def extras(self) -> dict[str, float | int]:
        """What does not depend on the number of threads."""
        member, objects = self.chunk.member, self.executor.objects
        with self.pinned(1):
            tried = self.battery() if self.order.battery else {}
        begun = time.perf_counter()
        sha = member.save(objects)
        Member.restore(self.setup, objects, sha, member.genome)
        stored = time.perf_counter() - begun
        return {
            "store_seconds": stored,
            "checkpoint_bytes": objects.path(sha).stat().st_size,
            "activation_bytes": self.kept_for_backward(),
            **tried,
        }

    def kept_for_backward(self) -> int:
        """Bytes of the tensors that one forward pass keeps, parameters left out."""
        model = self.chunk.member.model
        known = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        batch = self.chunk.batch(0)
        with hooks, precision(self.setup):
            plain_loss(model, batch.inputs, batch.targets)
        return sum(kept.values()) * self.setup.optimizer.batch // self.windows

    def battery(self) -> dict[str, float]:
        """Seconds of one short battery, and of reading the text for the first one.

        Of one that takes long only a few tokens are written. No text of the untrained model ends
        early, so a trained one may need less.
        """
        dataset, tokens = self.executor.dataset, self.setup.battery_tokens
        reference = reference_of(dataset)
        few = min(FEW_TOKENS, tokens)
        samples, writing = self.written(few)
        first, second = self.judging(samples, reference), self.judging(samples, reference)
        if writing < LONG_WRITING_SECONDS:
            samples, seconds = self.written(tokens)
            second = self.judging(samples, reference)
        else:
            # What is read before the first token is paid once.
            twice = self.written(min(2 * few, tokens))[1]
            seconds = writing + max(0.0, twice - writing) * (tokens - few) / few
        return {
            "battery_seconds": seconds + second,
            "reference_seconds": max(0.0, first - second),
        }

    def written(self, tokens: int) -> tuple[Sequence[Sample], float]:
        """What the model writes to each question, and the seconds that it takes."""
        codec, setup, model = self.executor.dataset.tokenizer, self.setup, self.chunk.member.model
        asked = run_questions(self.executor.dataset, setup, whole=False)
        sampling = sampling_of(codec, tokens, 0, setup.device)
        begun = time.perf_counter()
        with evaluation_mode([model]):
            samples = write_answers(model, codec, asked, sampling)
        return samples, time.perf_counter() - begun

    def judging(self, samples: Sequence[Sample], reference: Reference) -> float:
        """Seconds to score them; the first time the text is read for it."""
        begun = time.perf_counter()
        judged(samples, reference)
        return time.perf_counter() - begun

    def pinned(self, threads: int) -> AbstractContextManager[None]:
        """Threads and kernels as a run has them."""
        return reproducible(threads, self.setup.device, deterministic=self.setup.deterministic)

    def wait(self) -> None:
        """Until the accelerator has done what it was told."""
        if self.on_cuda:
            torch.cuda.synchronize()

    @property
    def on_cuda(self) -> bool:
        """Whether the model is on an accelerator."""
        return self.setup.device == "cuda"


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main(path: str) -> None:
    """Say that the model is there, then answer questions until there are no more."""
    prober = Prober(Order.model_validate_json(Path(path).read_text(encoding="utf-8")))
    _say("ready")
    for line in sys.stdin:
        _say(prober.answer(Question.model_validate_json(line)).model_dump_json())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
