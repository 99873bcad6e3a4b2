"""The running mean of a member's weights: arithmetic, storage, and that training never sees it."""

import functools
from pathlib import Path

import pytest
import torch

from state.results import EvaluationResult, Outcome
from state.tasks import BatchKey, EvaluationTask, LearningRateSpan, TrainingTask
from tests.cut_off import cut_off
from tests.task_builders import make_training_task
from tests.trainer_runs import comparable, equal, read, trained, with_its_own_run
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.weight_mean import moved_mean

STEPS, RATE = 6, 0.25


@pytest.fixture
def setup(setup: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    """A run of its own for each test."""
    return with_its_own_run(setup, tmp_path / "run")


task_of = functools.partial(
    make_training_task,
    role="host",
    init_seed=11,
    steps=STEPS,
    batches=BatchKey(seed=3, lineage=0, generation=1, purpose="host"),
    dropout=0.1,
)
averaging = functools.partial(task_of, mean_rate=RATE, publishes_mean=True)


def outcome_of(setup: WorkerSetup, task: TrainingTask | EvaluationTask) -> Outcome:
    return TaskExecutor(setup).execute(task)


def test_the_mean_begins_as_a_copy_and_moves_by_its_rate(setup: WorkerSetup) -> None:
    model = GPT(setup.model, task_of().genome)
    model.initialise(1)
    mean = moved_mean(None, model, RATE)
    start = {name: tensor.clone() for name, tensor in mean.items()}
    assert equal(mean, model.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert equal(mean, start)
    mean = moved_mean(mean, model, RATE)
    for name, tensor in start.items():
        expected = tensor + RATE if tensor.is_floating_point() else tensor
        torch.testing.assert_close(mean[name], expected)


def test_the_stored_mean_is_that_of_the_weights_after_every_step(setup: WorkerSetup) -> None:
    found = read(setup, trained(setup, averaging()).averaged).weights
    weights = [
        read(setup, trained(setup, task_of(steps=steps)).checkpoint).weights
        for steps in range(1, STEPS + 1)
    ]
    expected = weights[0]
    for later in weights[1:]:
        expected = {n: torch.lerp(t, later[n], RATE) for n, t in expected.items()}
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor)


def test_training_never_sees_the_mean(setup: WorkerSetup) -> None:
    plain, averaged = trained(setup, task_of()), trained(setup, averaging())
    one, other = (read(setup, result.checkpoint) for result in (plain, averaged))
    assert equal(one.weights, other.weights)
    assert all(equal(one.moments[kind], other.moments[kind]) for kind in one.moments)
    assert plain.evaluations == averaged.evaluations


def test_a_mean_goes_on_where_the_task_before_left_it(setup: WorkerSetup) -> None:
    span = LearningRateSpan(warmup_steps=4)
    whole = trained(setup, averaging(learning_rate=span))
    head = trained(setup, task_of(steps=4, learning_rate=span, mean_rate=RATE))
    later = span.model_copy(update={"age_steps": 4})
    tail = averaging(steps=2, first_step=5, parent=head.checkpoint, learning_rate=later)
    result = trained(setup, tail)
    assert (result.checkpoint, result.averaged) == (whole.checkpoint, whole.averaged)


@pytest.mark.parametrize("num_steps", [1, 4])
def test_a_task_that_was_cut_off_leaves_the_same_mean(setup: WorkerSetup, num_steps: int) -> None:
    often = setup.model_copy(update={"snapshot_steps": 1, "snapshot_seconds": 0})
    cut_off(often, averaging(), num_steps)
    again = comparable(outcome_of(often, averaging()))
    assert again == comparable(outcome_of(setup, averaging()))


def test_what_is_published_is_a_model_without_moments_that_was_measured(
    setup: WorkerSetup,
) -> None:
    result = trained(setup, averaging())
    assert read(setup, result.averaged).moments == {}
    assert result.averaged_bytes < result.checkpoint_bytes / 2
    task = EvaluationTask(
        task_id="again",
        genome=task_of().genome,
        checkpoint=result.averaged,
        init_seed=0,
        splits=("search",),
    )
    measured = outcome_of(setup, task).result
    assert isinstance(measured, EvaluationResult)
    assert measured.evaluations == result.averaged_evaluations != result.evaluations
    assert result.evaluation_flops == 2 * trained(setup, task_of()).evaluation_flops


def test_a_mean_that_is_not_asked_for_is_not_published(setup: WorkerSetup) -> None:
    result = trained(setup, task_of(mean_rate=RATE))
    assert (result.averaged, result.averaged_evaluations) == (None, ())
    assert (
        read(setup, result.checkpoint).mean.keys() == read(setup, result.checkpoint).weights.keys()
    )


def test_a_task_without_a_rate_drops_the_mean(setup: WorkerSetup) -> None:
    head = trained(setup, task_of(mean_rate=RATE))
    tail = trained(setup, task_of(first_step=STEPS + 1, parent=head.checkpoint))
    assert read(setup, tail.checkpoint).mean == {}


def test_another_activation_begins_a_mean_of_its_own(setup: WorkerSetup) -> None:
    head = trained(setup, task_of(mean_rate=RATE))
    switched = averaging(
        "swiglu", first_step=7, steps=2, parent=head.checkpoint, parent_genome=task_of().genome
    )
    fresh = trained(setup, switched.model_copy(update={"steps": 1, "mean_rate": 1.0}))
    assert equal(read(setup, fresh.averaged).weights, read(setup, fresh.checkpoint).weights)
    assert trained(setup, switched).averaged is not None
