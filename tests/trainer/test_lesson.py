"""What teachers say, from a table that was read once."""

from functools import partial

import numpy as np
import pytest
import torch

from state.genome import parse
from state.results import TrainingResult
from state.tasks import Teacher, TrainingTask
from tests.trainer.backbones.builders import made, shape
from tests.trainer.conftest import BLOCK
from tests.trainer.test_execution import parent, task_of, trained
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.execution import TaskExecutor
from trainer.flops import forward_flops_per_token
from trainer.lesson import Tables, from_table, live, read_table
from trainer.member import Member

HALF_PRECISION = 5e-4


@pytest.fixture
def teachers(setup: WorkerSetup) -> list[GPT]:
    models = [Member.create(setup, parse("gelu"), seed).model.eval() for seed in (2, 3)]
    with torch.no_grad():
        for model in models:
            model.embedding.weight.mul_(20)
    return models


@pytest.fixture
def asked(setup: WorkerSetup) -> TrainingTask:
    sha, genome = parent(TaskExecutor(setup), "swiglu")
    teachers = (Teacher(checkpoint=sha, genome=genome),)
    return task_of(teachers=teachers, teacher_weight=0.5, teaching="table")


def windows(dataset: Dataset, starts: list[int]) -> torch.Tensor:
    tokens = np.asarray(dataset.tokens("train")).astype(np.int64)
    return torch.from_numpy(np.stack([tokens[start : start + BLOCK] for start in starts]))


def test_a_table_says_what_its_teachers_say_of_the_windows_that_they_read(
    teachers: list[GPT], dataset: Dataset
) -> None:
    starts = [0, BLOCK, 5 * BLOCK]
    inputs, places = windows(dataset, starts), np.array(starts)
    told = from_table(read_table(teachers, dataset))(inputs, places)
    assert torch.allclose(told, live(teachers)(inputs, places), atol=HALF_PRECISION)


def test_every_token_of_the_split_has_its_distribution(
    teachers: list[GPT], dataset: Dataset
) -> None:
    table = read_table(teachers, dataset)
    assert len(table) == dataset.manifest.splits["train"].tokens
    assert torch.allclose(table.float().sum(dim=1), torch.ones(len(table)), atol=5e-3)
    last = len(table) - BLOCK
    ends = live(teachers)(windows(dataset, [last]), np.array([last]))[0]
    assert torch.allclose(table[last:].float(), ends, atol=HALF_PRECISION)


def test_a_window_between_two_that_were_read_gets_its_own_positions(
    teachers: list[GPT], dataset: Dataset
) -> None:
    table = read_table(teachers, dataset)
    told = from_table(table)(windows(dataset, [7]), np.array([7]))[0]
    assert torch.equal(told, table[7 : 7 + BLOCK].float())


def test_a_model_that_hands_its_states_on_is_read_in_windows_too(dataset: Dataset) -> None:
    vocab_size = dataset.manifest.vocab_size
    teacher = made(shape("gf", stateful=True, vocab_size=vocab_size, block=BLOCK))
    starts = [0, BLOCK, 5 * BLOCK]
    inputs, places = windows(dataset, starts), np.array(starts)
    told = from_table(read_table([teacher], dataset))(inputs, places)
    assert torch.allclose(told, live([teacher])(inputs, places), atol=HALF_PRECISION)


def test_a_table_is_read_once_for_the_same_teachers() -> None:
    made: list[str] = []
    tables = Tables()

    def make(name: str) -> torch.Tensor:
        made.append(name)
        return torch.zeros(1)

    for name in ("a", "a", "b", "b", "a"):
        tables.get((name,), partial(make, name))
    assert made == ["a", "b", "a"]


def test_a_table_at_hand_and_one_read_anew_train_the_same_bits(
    setup: WorkerSetup, asked: TrainingTask
) -> None:
    executor = TaskExecutor(setup)
    trained(executor, asked)
    assert trained(executor, asked).checkpoint == trained(TaskExecutor(setup), asked).checkpoint
    assert trained(executor, asked).checkpoint != trained(executor, live_of(asked)).checkpoint


def test_reading_is_charged_to_the_task_that_pays_for_it(
    setup: WorkerSetup, asked: TrainingTask, dataset: Dataset
) -> None:
    executor = TaskExecutor(setup)
    genome = asked.teachers[0].genome
    alone = trained(executor, asked.model_copy(update={"teachers": ()}))
    paid = trained(executor, asked.model_copy(update={"reads_table": True}))
    reading = forward_flops_per_token(setup.model, genome) * len(dataset.tokens("train"))
    assert flops(trained(executor, asked)) == flops(alone)
    assert flops(paid) == pytest.approx(flops(alone) + reading)


def live_of(task: TrainingTask) -> TrainingTask:
    return task.model_copy(update={"teaching": "live"})


def flops(result: TrainingResult) -> float:
    return result.training_flops
