"""Learning rates over whole runs: no jumps between tasks, and zero where they must end."""

from itertools import pairwise

import pytest

from orchestrator.schedule import host_multiplier, warmup_steps
from state.tasks import TrainingTask
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, drive


def chain(budget: int, **changes: object) -> list[TrainingTask]:
    engine = MemoryEngine()
    drive(make_config(budget=budget, **changes), engine)
    return engine.trained()


@pytest.mark.parametrize("budget", [300, 2000, 8000])
@pytest.mark.parametrize("lineages", [2, 3, 4])
def test_a_lineages_rate_goes_on_where_it_stopped_and_falls_to_zero(
    budget: int, lineages: int
) -> None:
    tasks = chain(budget, evolution={"lineages": lineages})
    for index in range(lineages):
        own = [
            one
            for one in tasks
            if (one.role, one.lineage) == ("champion", index) and "confirm" not in one.task_id
        ]
        confirmed = {one.generation for one in tasks if "confirm" in one.task_id}
        for before, after in pairwise(own):
            if before.generation not in confirmed:
                assert after.learning_rate.first == pytest.approx(before.learning_rate.last)
            else:
                assert after.learning_rate.first <= before.learning_rate.last + 1e-9
        assert own[0].learning_rate.first == 1.0
        assert own[-1].phase == "oxidation"
    last = [one for one in tasks if one.phase == "oxidation"][-1]
    assert last.learning_rate.last == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("budget", [300, 2000, 8000])
@pytest.mark.parametrize("gain", [-0.05, 0.05])
def test_a_hosts_rate_rises_again_goes_on_where_it_stopped_and_ends_at_zero(
    budget: int, gain: float
) -> None:
    engine = MemoryEngine(ensemble_gain=gain)
    drive(make_config(budget=budget), engine)
    spans = [one.learning_rate for one in engine.trained() if one.role == "host"]
    assert spans[0].first == pytest.approx(0.1)
    assert max(one.last for one in spans) == 1.0
    assert spans[-1].last == pytest.approx(0, abs=1e-9)
    rounding = 0.02 if gain > 0 else 1e-9
    for before, after in pairwise(spans):
        assert after.first == pytest.approx(before.last, abs=rounding)


def test_a_control_arm_warms_up_by_its_age_and_ends_at_zero() -> None:
    tasks = [one for one in chain(2000, control=("gelu",)) if one.role == "control"]
    assert tasks[0].learning_rate.first == 1.0
    assert tasks[-1].learning_rate.last == pytest.approx(0, abs=1e-9)
    for before, after in pairwise(tasks):
        assert after.learning_rate.first == pytest.approx(before.learning_rate.last)


def test_the_batches_of_a_control_arm_follow_from_the_seed_and_not_from_the_run() -> None:
    runs = [chain(2000, control=("gelu",), evolution={"lineages": one}) for one in (2, 4)]
    ends = [max(one.generation for one in tasks if one.role == "host") for tasks in runs]
    assert ends[0] != ends[1]
    arms = [[one for one in tasks if one.role == "control"] for tasks in runs]
    assert {one.batches for arm in arms for one in arm} == {arms[0][0].batches}


def test_warm_up_counts_the_age_of_the_member() -> None:
    config = make_config(budget=2000)
    for task in chain(2000, control=("gelu",)):
        assert task.learning_rate.warmup_steps == warmup_steps(config) == 20
        assert task.learning_rate.age_steps == task.first_step - 1


def test_an_early_decay_begins_where_the_rate_stands() -> None:
    host = make_config().host
    for now in (0.06, 0.2, 0.39):
        rates = [host_multiplier(host, now + step, now, rewarm=host.rewarm) for step in (0, 0.01)]
        assert rates[0] == 1.0
        assert 0.9 < rates[1] < 1.0
    assert host_multiplier(host, 1.0, 0.2, rewarm=host.rewarm) == 0.0
