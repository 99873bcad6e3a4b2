"""A training that is cut in two is the same training, bit for bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.stages.halving import first_half, second_half
from state.genome import parse
from state.results import TrainingResult
from state.tasks import Decay, LearningRateSpan, TrainingTask
from tests.cut_off import cut_off
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.schedule import multiplier


@given(
    first=st.floats(0, 2),
    last=st.floats(0, 2),
    steps=st.integers(2, 60),
    warmup=st.integers(0, 40),
    age=st.integers(0, 500),
    decay=st.sampled_from([None, Decay(curve="cosine", start=3, end=90)]),
)
def test_two_halves_have_the_rates_of_the_whole(
    first: float, last: float, steps: int, warmup: int, age: int, decay: Decay | None
) -> None:
    span = LearningRateSpan(first=first, last=last, warmup_steps=warmup, age_steps=age, decay=decay)
    task = make_training_task(steps=steps, first_step=age + 1, learning_rate=span)
    halves = (first_half(task), second_half(task, "0" * 64))
    assert [one.first_step for one in halves] == [age + 1, age + 1 + steps // 2]
    rates = [
        multiplier(one.learning_rate, index, one.steps)
        for one in halves
        for index in range(one.steps)
    ]
    assert rates == [multiplier(span, index, steps) for index in range(steps)]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    return make_worker_setup(tmp_path_factory.mktemp("halves") / "run")


def trained(setup: WorkerSetup, task: TrainingTask) -> TrainingResult:
    result = TaskExecutor(setup).execute(task).result
    assert isinstance(result, TrainingResult)
    return result


@pytest.mark.parametrize(("formula", "morph_steps"), [("gelu", 0), ("swiglu", 2)])
def test_two_halves_are_the_whole_training_in_bits(
    setup: WorkerSetup, formula: str, morph_steps: int
) -> None:
    parent = trained(setup, make_training_task(task_id="parent", steps=3)).checkpoint
    task = make_training_task(
        formula,
        parent=parent,
        parent_genome=parse("gelu"),
        first_step=4,
        steps=9,
        morph_steps=morph_steps,
        learning_rate=LearningRateSpan(first=0.9, last=0.2, warmup_steps=6, age_steps=3),
        dropout=0.1,
    )
    whole = trained(setup, task)
    begun = trained(setup, first_half(task))
    assert begun.checkpoint is not None
    rest = second_half(task, begun.checkpoint)
    cut_off(setup.model_copy(update={"snapshot_steps": 1, "snapshot_seconds": 0}), rest, 2)
    ended = trained(setup, rest)
    assert ended.checkpoint == whole.checkpoint
    assert ended.evaluations == whole.evaluations
    assert begun.steps + ended.steps == whole.steps
    assert ended.train_loss == pytest.approx(whole.train_loss, rel=1e-12)
