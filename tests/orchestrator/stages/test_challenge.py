"""Challenger windows: equal terms, the better one goes on, and every step is charged."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.config import RunConfig
from orchestrator.extension import extend
from orchestrator.run_state import RunState
from orchestrator.stages.host_progress import host_of
from orchestrator.train_config import TrainConfig
from state.genome import is_known, parse
from state.records import Genome
from state.results import Outcome, TrainingResult
from state.tasks import Task, TrainingTask
from tests.builders import make_config, make_state
from tests.memory_runs import Fate, MemoryEngine, advance, drive, spent_exactly, worked

GELU = parse("gelu")


def contested(budget: int = 4000, interval: int | None = 1000, **changes: object) -> RunConfig:
    """Windows of 4 challengers with 100 steps each; samples are left out."""
    challenge = {"interval": interval, **changes}
    train: dict[str, object] = {"sample_interval": 0, "challenge": challenge}
    if changes.get("on_alarm"):
        train["symbio"] = {}
    return make_config(mode="train", budget=budget, train=train)


def prefers_others(genome: Genome) -> float:
    """Any activation but gelu saves half a bit."""
    return 0.0 if genome == GELU else 0.5


def windows(engine: MemoryEngine) -> list[list[TrainingTask]]:
    """The tasks of each window."""
    by_generation: dict[int, list[TrainingTask]] = {}
    for task in engine.trained():
        by_generation.setdefault(task.generation, []).append(task)
    return [tasks for tasks in by_generation.values() if len(tasks) > 1]


def ages(engine: MemoryEngine) -> list[int]:
    return [tasks[0].first_step - 1 for tasks in windows(engine)]


def test_a_window_opens_at_every_interval_and_the_budget_pays_for_it() -> None:
    engine = MemoryEngine()
    end = drive(contested(), engine)[-1]
    assert ages(engine) == [1000, 2000]
    assert spent_exactly(end)
    assert host_of(end).age_steps == 4000 - 2 * 400


def test_all_start_from_one_checkpoint_on_equal_terms() -> None:
    engine = MemoryEngine()
    drive(contested(), engine)
    for model, *challengers in windows(engine):
        assert len(challengers) == 4
        assert all(not is_known(one.genome, [model.genome]) for one in challengers)
        for one in challengers:
            same = {"task_id", "role", "genome", "morph_steps"}
            assert one.model_dump(exclude=same) == model.model_dump(exclude=same)
            assert one.parent_genome == model.genome
            assert one.morph_steps == one.steps // 2
        assert not model.watched


def test_a_genome_is_tried_once() -> None:
    engine = MemoryEngine()
    drive(contested(9000), engine)
    tried = [task.genome for window in windows(engine) for task in window[1:]]
    assert len(tried) > 8
    assert all(not is_known(one, tried[:place]) for place, one in enumerate(tried))


def test_without_windows_nothing_changes() -> None:
    engine = MemoryEngine()
    end = drive(contested(interval=None), engine)[-1]
    assert not windows(engine)
    assert host_of(end).age_steps == 4000


def test_a_better_challenger_takes_the_place_and_trains_on() -> None:
    engine = MemoryEngine(quality=prefers_others, noise=0.0)
    states = drive(contested(), engine)
    end = states[-1]
    heir = host_of(end).genome
    assert heir != GELU
    later = [task for task in engine.trained() if task.first_step > 1100 and task.role == "host"]
    assert {task.genome for task in later} == {heir}
    assert end.winner is not None
    assert end.winner.genome == heir
    adopted = next(one for one in states if one.host and one.host.genome == heir)
    told = adopted.last_decision
    assert told is not None
    assert told.kind == "adapt"
    assert heir.formula in told.reason
    assert "gelu(x)" in told.reason


def test_who_is_not_better_by_the_threshold_does_not() -> None:
    for saved, threshold, expected in ((0.5, 0.3, GELU), (0.01, 0.02, GELU), (0.5, 0.02, None)):
        engine = MemoryEngine(quality=lambda one, s=saved: 0.0 if one == GELU else s, noise=0.0)  # type: ignore[misc]
        end = drive(contested(threshold=threshold), engine)[-1]
        assert (host_of(end).genome == GELU) == (expected == GELU)


def test_failing_challengers_are_told_and_leave_the_model_alone() -> None:
    def fails(task: Task) -> Fate:
        return (
            "failed" if isinstance(task, TrainingTask) and task.role == "challenger" else "trained"
        )

    engine = MemoryEngine(fate=fails, quality=prefers_others)
    end = drive(contested(), engine)[-1]
    assert spent_exactly(end)
    assert host_of(end).genome == GELU
    assert host_of(end).failures == 0


def test_a_model_that_fails_in_its_window_keeps_its_place_and_tries_again() -> None:
    def fails(task: Task) -> Fate:
        hit = isinstance(task, TrainingTask) and not task.watched and task.role == "host"
        return "quarantined" if hit else "trained"

    engine = MemoryEngine(fate=fails, quality=prefers_others)
    states = drive(contested(3000), engine)
    assert host_of(states[-1]).genome == GELU
    assert host_of(states[-1]).failures == 1
    assert ages(engine) == [1000]
    assert spent_exactly(states[-1])


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(1, 4000),
    share=st.floats(0, 1) | st.none(),
    steps=st.integers(5, 900),
    challengers=st.integers(1, 4),
)
def test_every_step_is_spent_whatever_the_windows(
    budget: int, share: float | None, steps: int, challengers: int
) -> None:
    most = budget - 2 * steps
    fits = share is not None and most >= 1
    interval = max(1, budget // 10, round((share or 0) * most)) if fits else None
    assume(interval is None or interval <= most)
    config = contested(budget, interval, steps=steps, challengers=challengers)
    assert spent_exactly(drive(config, MemoryEngine(quality=prefers_others))[-1])


class AlarmingEngine(MemoryEngine):
    """Every chunk that is watched alarms."""

    def answer(self, task: Task) -> Outcome:
        outcome = super().answer(task)
        if isinstance(outcome.result, TrainingResult) and isinstance(task, TrainingTask):
            alarms = 4 if task.watched else 0
            return Outcome(result=outcome.result.model_copy(update={"alarms": alarms}))
        return outcome


def test_an_alarm_opens_a_window_once_the_last_one_is_a_while_ago() -> None:
    config = contested(5000, None, on_alarm=True)
    silent = MemoryEngine()
    drive(config, silent)
    assert not windows(silent)
    engine = AlarmingEngine()
    end = drive(config, engine)[-1]
    assert ages(engine) == [1000, 2000, 3000]
    assert spent_exactly(end)
    deaf = AlarmingEngine()
    drive(contested(5000, None), deaf)
    assert not windows(deaf)


def test_an_open_window_is_recognised_when_the_run_is_resumed_in_it() -> None:
    config, engine = contested(), MemoryEngine(quality=prefers_others, noise=0.0)
    whole = drive(config, engine)
    before = next(one for one in whole if host_of_or_none(one) == 1000)
    inside = worked(config, engine, before)
    assert inside.work is not None
    again = RunState.model_validate_json(inside.model_dump_json())
    assert advance(config, engine, again) == whole[whole.index(before) + 1]


def host_of_or_none(state: RunState) -> int | None:
    return state.host.age_steps if state.host else None


def test_an_extended_run_meets_the_challengers_of_its_new_steps() -> None:
    engine = MemoryEngine()
    config = contested(4000)
    end = drive(config, engine)[-1]
    longer = extend(config, end, 9000)
    after = MemoryEngine()
    after.objects = engine.objects
    last = drive(longer.config, after, longer.state)[-1]
    assert spent_exactly(last)
    rested = host_of(longer.state).age_steps
    assert ages(after)[0] == (rested // 1000 + 1) * 1000


def test_learnable_activations_have_no_challengers_and_the_model_trains_on() -> None:
    config = contested(2500)
    config = config.model_copy(
        update={"train": config.train.model_copy(update={"activation": "spline"})}
    )
    end = drive(config, MemoryEngine(), make_state(config))[-1]
    assert spent_exactly(end)


def test_a_window_that_leaves_nobody_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="give 5 or more"):
        TrainConfig.model_validate({"challenge": {"steps": 4}})


def test_an_interval_at_which_no_window_opens_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"--challenge-interval 3500.*give --iters 4500 or more"):
        contested(4000, 3500)


def test_alarms_need_the_charts() -> None:
    with pytest.raises(ValueError, match="add --symbio"):
        TrainConfig.model_validate({"challenge": {"on_alarm": True}})
