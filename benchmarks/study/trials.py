"""B: short evaluations of an activation in the weights of a gelu model."""

import copy
from hashlib import sha256

import torch
from pydantic import JsonValue

from benchmarks.study.specs import Spec
from benchmarks.study.training import Student, running_mean
from benchmarks.study.workplace import Workplace, setup_of
from state.base import Record
from state.genome import parse
from state.seeds import derive_seed
from state.tasks import BatchKey
from trainer.backbones.gpt import GPT
from trainer.checkpoint import decode
from trainer.data import Dataset
from trainer.evaluation import evaluate
from trainer.execution import reproducible
from trainer.member import Batch, StepSettings
from trainer.schedule import morph_fraction


class Trial(Record):
    """`steps` steps of a mother model with another activation; a seed has one batch order unless
    `order` says otherwise.
    """

    mother: Spec
    activation: str
    steps: int
    anneal: bool = False
    """The rate falls linearly to zero over the second half."""
    order: int = 0
    """Which order of the batches: trials that differ in it alone are replicates."""

    @property
    def key(self) -> str:
        """Name of the trial."""
        return "trial-" + sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def needs(self) -> tuple[Spec, ...]:
        """The mother must have been trained."""
        return (self.mother,)


def make_trial(trial: Trial, workplace: Workplace) -> dict[str, JsonValue]:
    """Bits per byte of the weights and of their mean over the second half."""
    dataset = workplace.dataset(trial.mother.corpus, trial.mother.shape)
    order = trial.order
    key = BatchKey(seed=trial.mother.seed, lineage=0, generation=order, purpose="trial")
    with reproducible(1, "cpu"):
        student = load_student(workplace, trial.mother)
        student.change_activation(parse(trial.activation))
        mean = walk(student, dataset, key, trial.steps, anneal=trial.anneal, averaged=True)
        bits, averaged = (bits_per_byte(model, dataset) for model in (student.model, mean))
    return {
        "trial": trial.model_dump(mode="json"),
        "bits_per_byte": bits,
        "mean_bits_per_byte": averaged,
    }


def load_student(workplace: Workplace, spec: Spec) -> Student:
    """A run's weights and moments, ready to go on."""
    setup = setup_of(spec)
    content = workplace.resumable(spec).read_bytes()
    stored = decode(content, parse(spec.activation), setup.model)
    student = Student.from_checkpoint(setup, stored)
    assert isinstance(student, Student)
    return student


def walk(
    student: Student,
    dataset: Dataset,
    key: BatchKey,
    steps: int,
    *,
    anneal: bool = False,
    averaged: bool = False,
) -> GPT:
    """Train with a morph over the first half; the mean of the weights over the second, else the
    model itself.
    """
    half, mean = steps // 2, None
    for index in range(steps):
        morph = morph_fraction(index, half)
        if morph == 1:
            student.finish_morph()
        falling = anneal and index >= half
        rate = (steps - index) / (steps - half) if falling else 1.0
        train_step(student, dataset, key, index, StepSettings(learning_rate=rate, morph=morph))
        if averaged and index >= half:
            mean = mean or running_mean(student.model)
            weights = [tensor.detach() for tensor in student.model.parameters()]
            share = 1 / (index - half + 1)
            torch._foreach_lerp_(list(mean.parameters()), weights, share)
    student.finish_morph()
    return mean or student.model


def train_step(
    student: Student, dataset: Dataset, key: BatchKey, index: int, settings: StepSettings
) -> None:
    """One update on the batch of the key."""
    batch, block = student.setup.optimizer.batch, student.setup.model.block
    inputs, targets = dataset.batch(key, index + 1, batch, block)
    seed = derive_seed(key.seed, "dropout", key.purpose, key.lineage, key.generation, index)
    student.train_step(
        Batch(torch.from_numpy(inputs), torch.from_numpy(targets)),
        settings._replace(dropout_seed=seed),
    )


def bits_per_byte(model: GPT, dataset: Dataset) -> float:
    """On the whole search split."""
    return evaluate(model, dataset, "search", 8).bits_per_byte


def twin(student: Student) -> Student:
    """A copy that trains on its own."""
    return copy.deepcopy(student)
