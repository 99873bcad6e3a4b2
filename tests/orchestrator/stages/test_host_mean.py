"""The host and the running mean of its weights: the better of the two is kept."""

import pytest

from orchestrator.run_state import HostState
from orchestrator.stages.host_task import Averaged, averaged_of, best_of, mean_settings
from state.results import TrainingResult
from tests.builders import GELU, make_config, make_evaluation
from tests.copies import copy_of
from tests.memory_runs import MemoryEngine, drive


def host(bits: float | None = None) -> HostState:
    """With a best copy of so many bits."""
    return HostState(
        name="host",
        genome=GELU,
        checkpoint="weights",
        init_seed=0,
        age_steps=50,
        decay_from=0.4,
        lineage=1,
        best=None if bits is None else copy_of(bits),
    )


@pytest.mark.parametrize(
    ("weights", "mean", "kept", "trained"),
    [(2.0, 1.9, "mean", "weights"), (1.9, 2.0, "weights", None), (2.0, 2.0, "weights", None)],
)
def test_the_better_of_weights_and_mean_is_kept(
    weights: float, mean: float, kept: str, trained: str | None
) -> None:
    averaged = Averaged("mean", make_evaluation(mean))
    best = best_of(host(), make_evaluation(weights), "homeostasis", 3, averaged)
    assert (best.checkpoint, best.trained) == (kept, trained)
    assert best.evaluation.bits_per_byte == pytest.approx(min(weights, mean))


def test_what_is_no_better_than_the_best_so_far_leaves_it() -> None:
    before = host(1.9)
    averaged = Averaged("mean", make_evaluation(1.9))
    assert best_of(before, make_evaluation(2.0), "homeostasis", 3, averaged) == before.best
    better = Averaged("mean", make_evaluation(1.89))
    assert best_of(before, make_evaluation(2.0), "homeostasis", 3, better).checkpoint == "mean"


def test_a_mean_that_was_not_measured_is_none() -> None:
    result = TrainingResult(task_id="host", status="trained", averaged="mean")
    assert averaged_of(result) is None
    measured = result.model_copy(update={"averaged_evaluations": (make_evaluation(2.0),)})
    assert averaged_of(measured) == Averaged("mean", make_evaluation(2.0))


def test_a_mean_looks_back_over_its_share_of_the_host_s_steps() -> None:
    config = make_config()
    early = mean_settings(config, total_steps=1000, end=0.49)
    assert early == {"mean_rate": pytest.approx(1 / 60), "publishes_mean": False}
    assert mean_settings(config, total_steps=1000, end=0.5)["publishes_mean"] is True
    assert mean_settings(config, total_steps=3, end=1.0)["mean_rate"] == 1.0


def test_no_mean_is_kept_where_none_is_wanted() -> None:
    config = make_config()
    off = config.model_copy(update={"host": config.host.model_copy(update={"mean_horizon": 0.0})})
    classic = config.model_copy(
        update={"model": config.model.model_copy(update={"recipe": "classic"})}
    )
    for one in (off, classic):
        assert mean_settings(one, total_steps=1000, end=1.0) == {}


def test_a_phase_goes_on_from_the_weights_and_hands_over_the_mean() -> None:
    """Means are always better here: every best copy is one, and no task begins with one."""
    engine = MemoryEngine(mean_gain=0.05)
    state = drive(make_config(budget=2000), engine)[-1]
    winner = state.winner
    assert winner is not None
    assert winner.trained is not None
    tasks = engine.trained()
    published = [task for task in tasks if task.publishes_mean]
    assert len(published) >= 8
    assert {task.role for task in published} == {"host"}
    stored = [engine.weights(task.parent) for task in tasks if task.parent]
    assert not any("mean" in weights for weights in stored)
    assert "mean" in engine.weights(winner.checkpoint)
    assert "mean" not in engine.weights(winner.trained)
