"""How long is waited for what, from what was measured."""

import pytest

from orchestrator.patience import Pace, Patience
from orchestrator.task_runner import failed
from state.records import StepMetrics
from state.results import BaselineResult, Outcome, TrainingResult
from state.tasks import BaselineTask, TrainingTask
from tests.task_builders import make_training_task

BASELINE = BaselineTask(task_id="order2", split="test")
PATIENCE = Patience(
    least_seconds=60, factor=20, unmeasured_seconds=3600, unmeasured_step_seconds=10
)


def training(steps: int) -> TrainingTask:
    return make_training_task(steps=steps)


def trained(step_seconds: float, eval_seconds: float = 0.0) -> Outcome:
    row = StepMetrics(
        phase="cambrian",
        generation=1,
        member_id="member",
        step=1,
        loss=1.0,
        learning_rate=0.1,
        grad_norm=1.0,
        clip_coef=1.0,
        clip_pct=0.0,
        skipped=False,
        tokens_per_sec=1.0,
        ms_per_step=1000 * step_seconds,
    )
    result = TrainingResult(task_id="member", status="trained", eval_seconds=eval_seconds)
    return Outcome(result=result, rows=(row, row))


def test_what_was_never_measured_has_an_hour_and_time_for_its_steps() -> None:
    pace = Pace(PATIENCE)
    assert pace.limit_seconds(BASELINE) == 3600
    assert pace.limit_seconds(training(200)) == 3600 + 2000


def test_a_short_task_has_the_least() -> None:
    pace = Pace(PATIENCE)
    pace.learn(training(20), trained(0.01))
    assert pace.limit_seconds(training(20)) == 60


def test_a_long_task_has_many_times_its_expected_duration() -> None:
    pace = Pace(PATIENCE)
    pace.learn(training(20), trained(0.5, eval_seconds=3))
    assert pace.limit_seconds(training(200)) == pytest.approx(20 * (200 * 0.5 + 3))


def test_the_slowest_counts_and_a_failure_does_not() -> None:
    pace = Pace(PATIENCE)
    for seconds in (0.5, 2.0, 0.1):
        pace.learn(training(20), trained(seconds))
    failure = failed(training(20), "worker died").model_copy(update={"eval_seconds": 1e6})
    pace.learn(training(20), Outcome(result=failure))
    assert pace.limit_seconds(training(100)) == pytest.approx(20 * 200)


def test_each_kind_of_task_has_its_own_measure() -> None:
    pace = Pace(PATIENCE)
    done = BaselineResult(task_id="order2", bits_per_byte=2.0, eval_seconds=30)
    pace.learn(BASELINE, Outcome(result=done))
    assert pace.limit_seconds(BASELINE) == 600
    assert pace.limit_seconds(training(1)) == 3610


def test_a_member_that_only_is_measured_says_nothing_about_steps() -> None:
    pace = Pace(PATIENCE)
    pace.learn(training(0), trained(1.0).model_copy(update={"rows": ()}))
    assert pace.limit_seconds(training(0)) == 60
    assert pace.limit_seconds(training(5)) == 3650
