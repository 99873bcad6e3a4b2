"""Tasks give the same bits wherever they run, and fill their results."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from state.genome import parse
from state.objects import ObjectStore
from state.records import Genome
from state.results import EnsembleResult, EvaluationResult, Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import (
    BatchKey,
    EnsembleTask,
    EvaluationTask,
    LearningRateSpan,
    Teacher,
    TrainingTask,
)
from tests.task_builders import make_training_task
from trainer.checkpoint import decode
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.flops import forward_flops_per_token

TIMES = ("train_seconds", "eval_seconds", "started_at")
ROOT = Path(__file__).parents[2]
FRESH_PROCESS = """
import sys
from state.tasks import TrainingTask
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
setup = WorkerSetup.model_validate_json(sys.argv[1])
task = TrainingTask.model_validate_json(sys.argv[2])
print(TaskExecutor(setup).execute(task).result.checkpoint)
"""


task_of = partial(
    make_training_task,
    phase="primordial",
    role="champion",
    init_seed=11,
    steps=6,
    batches=BatchKey(seed=3, lineage=0, generation=1, purpose="search"),
    dropout=0.1,
)


def trained(executor: TaskExecutor, task: TrainingTask) -> TrainingResult:
    result = executor.execute(task).result
    assert isinstance(result, TrainingResult)
    return result


def parent(executor: TaskExecutor, formula: str = "gelu") -> tuple[str, Genome]:
    sha = trained(executor, task_of(formula)).checkpoint
    assert sha is not None
    return sha, parse(formula)


def without_times(outcome: Outcome) -> object:
    rows = [row.model_dump(exclude={"tokens_per_sec", "ms_per_step"}) for row in outcome.rows]
    return outcome.result.model_dump(exclude=set(TIMES)), rows


@pytest.mark.parametrize("formula", ["gelu", "swiglu", "relu(x)*sin(x) + x"])
def test_the_same_task_gives_the_same_bits(setup: WorkerSetup, formula: str) -> None:
    first, second = (TaskExecutor(setup).execute(task_of(formula)) for _ in range(2))
    assert without_times(first) == without_times(second)


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bits(setup: WorkerSetup) -> None:
    here = trained(TaskExecutor(setup), task_of("swiglu")).checkpoint
    there = subprocess.run(
        [
            sys.executable,
            "-c",
            FRESH_PROCESS,
            setup.model_dump_json(),
            task_of("swiglu").model_dump_json(),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert there.stdout.strip() == here


def test_two_threads_give_the_same_bits_twice(setup: WorkerSetup) -> None:
    task = task_of("swiglu", threads=2, steps=2, evaluate=())
    first, second = (trained(TaskExecutor(setup), task).checkpoint for _ in range(2))
    assert first == second


def test_tasks_leave_the_global_generator_and_settings_alone(setup: WorkerSetup) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    TaskExecutor(setup).execute(task_of())
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_task_cut_in_two_gives_the_same_weights(setup: WorkerSetup) -> None:
    executor, span = TaskExecutor(setup), LearningRateSpan(warmup_steps=4)
    whole = trained(executor, task_of(steps=8, learning_rate=span))
    head = trained(executor, task_of(steps=4, learning_rate=span))
    later = span.model_copy(update={"age_steps": 4})
    tail = task_of(steps=4, first_step=5, parent=head.checkpoint, learning_rate=later)
    assert trained(executor, tail).checkpoint == whole.checkpoint


def test_every_field_of_the_result_is_filled(setup: WorkerSetup) -> None:
    outcome = TaskExecutor(setup).execute(task_of(evaluate=("search", "test")))
    result = outcome.result
    assert isinstance(result, TrainingResult)
    assert (result.status, result.steps, result.skipped_steps) == ("trained", 6, 0)
    assert result.tokens == 6 * 4 * 16
    assert [evaluation.split for evaluation in result.evaluations] == ["search", "test"]
    objects = ObjectStore(RunFolder(Path(setup.run_folder)).objects)
    assert result.checkpoint is not None
    assert result.checkpoint_bytes == len(objects.read(result.checkpoint))
    per_token = forward_flops_per_token(setup.model, parse("gelu"))
    assert result.training_flops == 3 * per_token * result.tokens
    measured = sum(evaluation.tokens for evaluation in result.evaluations)
    assert result.evaluation_flops == per_token * measured
    assert result.train_seconds > 0
    assert result.eval_seconds > 0
    assert result.started_at > 0
    assert [row.step for row in outcome.rows] == [1, 2, 3, 4, 5, 6]
    losses = [row.loss for row in outcome.rows[3:] if row.loss is not None]
    assert result.train_loss == pytest.approx(sum(losses) / 3)
    assert result.switch_jump is None


def test_the_learning_rate_of_a_row_is_the_one_used(setup: WorkerSetup) -> None:
    span = LearningRateSpan(first=1.0, last=0.0)
    rows = TaskExecutor(setup).execute(task_of(learning_rate=span, lr_scale=0.5)).rows
    peak = setup.optimizer.lr
    assert [row.learning_rate / peak for row in rows] == pytest.approx(
        [0.5 * (6 - i) / 6 for i in range(6)]
    )


@pytest.mark.parametrize(
    ("old", "new"), [("gelu", "swiglu"), ("swiglu", "relu2"), ("gelu", "silu")]
)
@pytest.mark.parametrize("morph_steps", [0, 3, 6])
def test_a_morphed_member_is_stored_as_a_pure_one(
    setup: WorkerSetup, old: str, new: str, morph_steps: int
) -> None:
    executor = TaskExecutor(setup)
    sha, genome = parent(executor, old)
    task = task_of(new, parent=sha, parent_genome=genome, first_step=7, morph_steps=morph_steps)
    result = trained(executor, task)
    assert result.switch_jump is not None
    assert result.checkpoint is not None
    stored = decode(executor.objects.read(result.checkpoint), parse(new), setup.model)
    assert any("w_up" in name for name in stored.weights) == (new == "swiglu")


def test_a_longer_morph_jumps_less(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha, genome = parent(executor)
    task = task_of("sin(3*x)", parent=sha, parent_genome=genome, first_step=7)
    sudden = trained(executor, task).switch_jump
    smooth = trained(executor, task.model_copy(update={"morph_steps": 6})).switch_jump
    assert sudden is not None
    assert smooth is not None
    assert abs(smooth) < abs(sudden)


def test_no_steps_build_and_measure_only(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    outcome = executor.execute(task_of(steps=0))
    result = outcome.result
    assert isinstance(result, TrainingResult)
    assert outcome.rows == ()
    assert (result.steps, result.train_loss, result.training_flops) == (0, None, 0)
    sha = result.checkpoint
    measured = executor.execute(
        EvaluationTask(
            task_id="e", genome=parse("gelu"), checkpoint=sha, init_seed=0, splits=("search",)
        )
    ).result
    assert isinstance(measured, EvaluationResult)
    assert measured.evaluations == result.evaluations


def test_a_member_is_not_stored_unless_asked(setup: WorkerSetup) -> None:
    result = trained(TaskExecutor(setup), task_of(save=False, evaluate=()))
    assert (result.checkpoint, result.checkpoint_bytes, result.evaluations) == (None, 0, ())


def test_a_member_that_skips_too_often_is_quarantined(setup: WorkerSetup) -> None:
    optimizer = setup.optimizer.model_copy(update={"spike_threshold": 1e-9})
    executor = TaskExecutor(setup.model_copy(update={"optimizer": optimizer}))
    outcome = executor.execute(task_of(steps=8))
    result = outcome.result
    assert isinstance(result, TrainingResult)
    assert (result.status, result.skipped_steps) == ("quarantined", 8)
    assert result.checkpoint is None
    assert result.train_loss is None
    assert all(row.skipped and row.clip_coef is None for row in outcome.rows)


def test_a_parent_of_another_activation_is_refused(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha, _ = parent(executor)
    with pytest.raises(ValueError, match=r"trained with activation gelu\(x\), not silu\(x\)"):
        executor.execute(task_of("silu", parent=sha, parent_genome=parse("silu")))


def test_the_cache_never_holds_what_training_changed(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha, _ = parent(executor)
    task = task_of(parent=sha, first_step=7)
    assert trained(executor, task).checkpoint == trained(executor, task).checkpoint
    assert trained(TaskExecutor(setup), task).checkpoint == trained(executor, task).checkpoint


def test_teachers_change_the_weights_and_are_charged(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha, genome = parent(executor, "swiglu")
    teachers = (Teacher(checkpoint=sha, genome=genome),)
    alone = trained(executor, task_of())
    taught = trained(executor, task_of(teachers=teachers, teacher_weight=0.5))
    assert taught.checkpoint != alone.checkpoint
    assert taught.training_flops > 1.2 * alone.training_flops


def test_an_ensemble_is_measured_beside_its_members(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    stored = [parent(executor, formula) for formula in ("gelu", "swiglu")]
    models = tuple(Teacher(checkpoint=sha, genome=genome) for sha, genome in stored)
    result = executor.execute(EnsembleTask(task_id="x", models=models)).result
    assert isinstance(result, EnsembleResult)
    assert result.ensemble is not None
    assert result.ensemble.nats < sum(member.nats for member in result.members) / 2
    assert 0 < result.disagreement < 1
    assert result.evaluation_flops > 0


def test_an_untrained_model_can_be_measured(setup: WorkerSetup) -> None:
    task = EvaluationTask(
        task_id="e", genome=parse("relu2"), checkpoint=None, init_seed=5, splits=("search", "test")
    )
    result = TaskExecutor(setup).execute(task).result
    assert isinstance(result, EvaluationResult)
    assert [evaluation.split for evaluation in result.evaluations] == ["search", "test"]
    assert result.evaluation_flops > 0
