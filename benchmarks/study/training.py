"""Training one spec with the product's trainer, resumable at each of its evaluations."""

import time
from pathlib import Path

import torch
from pydantic import JsonValue

from benchmarks.study.lessons import Teaching, lesson_cost
from benchmarks.study.specs import Spec
from benchmarks.study.workplace import Workplace, setup_of
from state.durable import write_atomically
from state.genome import parse
from state.seeds import derive_seed
from state.tasks import BatchKey, LearningRateSpan
from trainer.backbones.gpt import GPT
from trainer.checkpoint import Checkpoint, decode, encode
from trainer.evaluation import evaluate
from trainer.execution import reproducible
from trainer.losses import Losses, losses
from trainer.member import Batch, Member, StepSettings
from trainer.schedule import multiplier

REWARM = 0.05
HORIZONS = (0.02, 0.06)
"""Of a run's steps: the horizons of two running means of its weights."""
MEAN_FROM = 0.5
"""Where in a run the running means are first measured."""


class Student(Member):
    """A member that may be taught."""

    teaching: Teaching | None = None
    starts: torch.Tensor | None = None

    def losses(self, batch: Batch, settings: StepSettings) -> Losses:
        """`(1-w) CE + w T^2 KL(teachers || student)`, both at temperature T."""
        if self.teaching is None:
            return super().losses(batch, settings)
        assert self.starts is not None
        lesson = self.teaching.lesson
        taught_BTV = self.teaching.taught(batch.inputs, self.starts.numpy())
        logits_BTV = self.model(batch.inputs)
        plain = losses(logits_BTV, batch.targets)
        softened = losses(logits_BTV / lesson.temperature, batch.targets, 0.0, taught_BTV, 1.0)
        drawn = lesson.temperature**2 * softened.objective
        return Losses((1 - lesson.weight) * plain.nats + lesson.weight * drawn, plain.nats)


class Run:
    """One spec in training."""

    def __init__(self, spec: Spec, workplace: Workplace) -> None:
        self.spec, self.workplace = spec, workplace
        self.dataset = workplace.dataset(spec.corpus, spec.shape)
        self.genome, self.setup = parse(spec.activation), setup_of(spec)
        self.student = self.new_student()
        self.means = [running_mean(self.student.model) for _ in HORIZONS]
        self.history: list[list[float]] = []
        self.best = self.best_raw = float("inf")
        if spec.lesson is not None:
            models = [load_model(workplace, teacher) for teacher in spec.lesson.teachers]
            self.student.teaching = Teaching(spec.lesson, models, self.dataset)

    def new_student(self) -> Student:
        """Untrained, or with the weights and moments that the parent left."""
        spec = self.spec
        if spec.parent is None:
            lineage = spec.lineage if spec.init is None else spec.init
            return Student(self.setup, self.genome, derive_seed(spec.seed, "init", lineage))
        stored = self.workplace.resumable(spec.parent).read_bytes()
        member = Student.from_checkpoint(
            self.setup, decode(stored, parse(spec.parent.activation), self.setup.model)
        )
        assert isinstance(member, Student)
        member.change_activation(self.genome)
        member.finish_morph()
        return member

    def train(self) -> dict[str, JsonValue]:
        """Every step and evaluation; the best weights are kept."""
        started, skipped = time.monotonic(), 0
        with reproducible(1, "cpu"):
            self.student.model.set_dropout(self.spec.dropout)
            for step in range(1, self.spec.steps + 1):
                skipped += self.step(step)
                if step in evaluation_steps(self.spec.steps):
                    self.evaluate(step)
        return self.result(time.monotonic() - started, skipped)

    def step(self, step: int) -> bool:
        """One update, and one of the running means; True where the update was refused."""
        shape = self.spec.shape
        key = self.batch_key()
        inputs, targets = self.dataset.batch(key, step, shape.batch, shape.block)
        starts = self.dataset.starts(key, step, shape.batch, shape.block)
        self.student.starts = torch.from_numpy(starts)
        settings = StepSettings(
            learning_rate=self.learning_rate(step - 1),
            dropout_seed=derive_seed(key.seed, "dropout", key.purpose, key.lineage, step),
        )
        batch = Batch(torch.from_numpy(inputs), torch.from_numpy(targets))
        outcome = self.student.train_step(batch, settings)
        weights = [tensor.detach() for tensor in self.student.model.parameters()]
        for horizon, mean in zip(HORIZONS, self.means, strict=True):
            share = 1 / max(1.0, horizon * self.spec.steps)
            torch._foreach_lerp_(list(mean.parameters()), weights, share)
        return outcome.skipped

    def batch_key(self) -> BatchKey:
        """The run's data order."""
        order = self.spec.lineage if self.spec.order is None else self.spec.order
        purpose = "host" if self.spec.parent or self.spec.lesson else "study"
        return BatchKey(seed=self.spec.seed, lineage=order, generation=0, purpose=purpose)

    def learning_rate(self, index: int) -> float:
        """Warm-up of 5 % (from a tenth for a model that is taken over after its decay, none for
        one that is taken over before), stable, linear to zero.
        """
        spec = self.spec
        warmup = max(1, min(500, spec.steps // 20))
        if index < warmup and not (spec.parent and is_trunk(spec.parent)):
            floor = 0.1 if spec.parent else 0.0
            return floor + (1 - floor) * (index + 1) / warmup
        stable = int(spec.decay_from * spec.steps)
        if index < stable or stable >= spec.steps:
            return 1.0
        return multiplier(
            LearningRateSpan(first=1.0, last=0.0), index - stable, spec.steps - stable
        )

    def evaluate(self, step: int) -> None:
        """Bits per byte of the weights and, in the second half, of their running means."""
        raw = self.bits_per_byte(self.student.model)
        if raw < self.best_raw or is_trunk(self.spec):
            self.best_raw = raw
            content = encode(self.student.checkpoint())
            write_atomically(self.workplace.resumable(self.spec), content)
        self.keep(raw, self.student.model)
        self.history.append([step, raw])
        if step >= MEAN_FROM * self.spec.steps:
            for mean in self.means:
                self.history[-1].append(bits := self.bits_per_byte(mean))
                self.keep(bits, mean)

    def keep(self, bits: float, model: GPT) -> None:
        """Store the model if it is the best so far."""
        if bits < self.best:
            self.best = bits
            description = self.student.checkpoint().description
            content = encode(Checkpoint(description, model.state_dict()))
            write_atomically(self.workplace.checkpoint(self.spec), content)

    def bits_per_byte(self, model: GPT) -> float:
        """On the whole search split."""
        return evaluate(model, self.dataset, "search", self.spec.shape.batch).bits_per_byte

    def result(self, seconds: float, skipped: int) -> dict[str, JsonValue]:
        """The record of the run."""
        num_tokens = self.dataset.manifest.splits["train"].tokens
        seen = self.spec.steps * self.spec.shape.batch * self.spec.shape.block
        return {
            "spec": self.spec.model_dump(mode="json"),
            "bits_per_byte": self.best,
            "raw_bits_per_byte": min(raw for _, raw, *_ in self.history),
            "last_bits_per_byte": self.history[-1][1],
            "best_step": min(self.history, key=lambda one: min(one[1:]))[0],
            "history": [list(one) for one in self.history],
            "cost": self.spec.steps + lesson_cost(self.spec, num_tokens),
            "passes": seen / num_tokens,
            "skipped_steps": skipped,
            "seconds": seconds,
        }


def is_trunk(spec: Spec) -> bool:
    """The run keeps its rate to the end, and goes on from its last weights."""
    return spec.decay_from >= 1


def evaluation_steps(steps: int) -> frozenset[int]:
    """Ten evaluations, twenty in long runs, two in short ones; the last is at the end."""
    count = 20 if steps > 8000 else 10 if steps > 500 else 2
    return frozenset((index + 1) * steps // count for index in range(count))


def running_mean(model: GPT) -> GPT:
    """A copy of the model that will follow its weights."""
    copy = GPT(model.config, model.genome)
    copy.load_state_dict(model.state_dict())
    return copy.requires_grad_(requires_grad=False).eval()


def load_model(workplace: Workplace, spec: Spec, member: int = 0) -> GPT:
    """The best weights of a run that has ended, frozen."""
    return model_of(workplace.checkpoint(spec, member), spec)


def model_of(path: Path, spec: Spec) -> GPT:
    """A stored model, frozen, in evaluation mode."""
    config, genome = setup_of(spec).model, parse(spec.activation)
    model = GPT(config, genome)
    model.load_state_dict(decode(path.read_bytes(), genome, config).weights)
    return model.requires_grad_(requires_grad=False).eval()
