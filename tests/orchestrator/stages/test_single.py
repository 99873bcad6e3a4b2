"""One model by itself: every step is spent, the best checkpoint is kept, failures end somewhere."""

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config import RunConfig
from orchestrator.extension import extend
from orchestrator.phases import phases_of
from orchestrator.replay.states import Replay
from orchestrator.run_state import RunState, best_model
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host_decision import HostDivergedError
from orchestrator.stages.host_progress import host_of
from orchestrator.verification.replayed import comparable, first_difference
from state.commit import load_commit
from state.tasks import SampleTask, Task, TrainingTask
from tests.builders import ScriptedRun, digest, make_config, make_state
from tests.memory_runs import Fate, MemoryEngine, advance, drive, spent_exactly

NO_TEST = {"split": "contiguous:0.9,0.1,0"}


def alone(budget: int = 1000, **changes: object) -> RunConfig:
    """A run of one model, nothing open."""
    return make_config(mode="train", budget=budget, **changes)


def finished(config: RunConfig, engine: MemoryEngine | None = None) -> RunState:
    return drive(config, engine or MemoryEngine())[-1]


def ends(engine: MemoryEngine) -> list[int]:
    return [task.first_step + task.steps - 1 for task in engine.trained()]


@settings(max_examples=60, deadline=None)
@given(
    budget=st.integers(1, 3000),
    eval_interval=st.integers(1, 4000),
    sample_interval=st.integers(0, 4000),
)
def test_every_step_is_spent_once_and_the_last_one_is_measured(
    budget: int, eval_interval: int, sample_interval: int
) -> None:
    if budget > 60 * min(eval_interval, sample_interval or eval_interval):
        eval_interval, sample_interval = budget // 7 + 1, budget // 5 + 1
    intervals = {"eval_interval": eval_interval, "sample_interval": sample_interval}
    engine = MemoryEngine()
    end = finished(alone(budget, train=intervals), engine)
    assert spent_exactly(end)
    assert ends(engine) == list(accumulate(task.steps for task in engine.trained()))
    measured = [task for task in engine.trained() if task.evaluate]
    assert all(one % eval_interval == 0 or one == budget for one in _ends_of(measured))
    assert _ends_of(measured)[-1] == budget
    assert len(measured) == -(-budget // eval_interval)


def _ends_of(tasks: list[TrainingTask]) -> list[int]:
    return [task.first_step + task.steps - 1 for task in tasks]


def test_samples_come_at_their_interval_and_at_the_end() -> None:
    engine = MemoryEngine()
    finished(alone(1000, train={"eval_interval": 400, "sample_interval": 300}), engine)
    assert ends(engine) == [300, 400, 600, 800, 900, 1000]
    spoken = [task.task_id for task in engine.seen if isinstance(task, SampleTask)]
    assert spoken == [f"g0000{number}-model-sample" for number in (0, 2, 4, 5)]


def test_no_sample_is_written_where_none_is_wanted() -> None:
    engine = MemoryEngine()
    end = finished(alone(500, train={"eval_interval": 100, "sample_interval": 0}), engine)
    assert not [task for task in engine.seen if isinstance(task, SampleTask)]
    assert spent_exactly(end)


def test_batches_do_not_depend_on_where_chunks_end() -> None:
    keys = set()
    for interval in (50, 130):
        engine = MemoryEngine()
        finished(alone(500, train={"eval_interval": interval}), engine)
        keys |= {task.batches for task in engine.trained()}
    assert len(keys) == 1


def test_the_instruments_hear_the_search_loss_once_after_it_was_measured() -> None:
    train = {"eval_interval": 100, "sample_interval": 150}
    engine = MemoryEngine()
    finished(alone(300, train={**train, "symbio": True}), engine)
    heard = {task.first_step: task.search_loss for task in engine.trained()}
    assert [step for step, loss in heard.items() if loss is not None] == [101, 201]
    assert list(heard) == [1, 101, 151, 201]
    engine = MemoryEngine()
    finished(alone(300, train=train), engine)
    assert {task.search_loss for task in engine.trained()} == {None}


def test_the_best_checkpoint_is_handed_over_and_the_last_one_told() -> None:
    def worse_late(task: TrainingTask) -> float:
        return 0.01 * max(0, task.first_step - 400)

    engine = MemoryEngine(worse=worse_late, noise=0.0)
    end = finished(alone(800, train={"eval_interval": 100, "sample_interval": 0}), engine)
    winner, host = best_model(end), host_of(end)
    bits = [bits for _, bits, _ in host.history]
    assert winner.evaluation.bits_per_byte == min(bits) < bits[-1]
    assert host.last is not None
    assert host.last.bits_per_byte == bits[-1]
    assert end.final is not None
    assert end.final.search.bits_per_byte == pytest.approx(min(bits))


def test_a_text_without_a_test_split_ends_on_the_search_split() -> None:
    end = finished(alone(100, data=NO_TEST))
    assert end.final is not None
    assert end.final.test is None
    assert end.test_openings == 0
    assert finished(alone(100)).test_openings == 1


def test_what_the_detectors_find_is_told_and_not_answered() -> None:
    def overfits(task: TrainingTask) -> float:
        return 0.02 * task.first_step

    engine = MemoryEngine(worse=overfits, noise=0.0)
    end = finished(alone(1000, train={"eval_interval": 100, "sample_interval": 0}), engine)
    first, *others = engine.trained()
    assert all(
        (one.dropout, one.lr_scale, one.learning_rate.decay)
        == (first.dropout, first.lr_scale, first.learning_rate.decay)
        for one in others
    )
    assert spent_exactly(end)


def test_a_chunk_that_cannot_be_used_is_tried_again_on_other_batches_at_half_the_rate() -> None:
    def fails_once(task: Task) -> Fate:
        return "quarantined" if task.task_id.startswith("g00002") else "trained"

    engine = MemoryEngine(fate=fails_once)
    end = finished(alone(600, train={"eval_interval": 100, "sample_interval": 0}), engine)
    before, failed, after = engine.trained()[1:4]
    assert (before.lr_scale, failed.lr_scale, after.lr_scale) == (1.0, 1.0, 0.5)
    assert after.parent == failed.parent
    assert after.first_step == failed.first_step
    assert after.batches != failed.batches
    assert spent_exactly(end)
    assert [one.kind for one in end.decisions] == ["adapt"]


@pytest.mark.parametrize("fate", ["not finite", "quarantined"])
def test_a_model_that_cannot_be_trained_ends_the_run_with_the_reason(fate: Fate) -> None:
    def fails(task: Task) -> Fate:
        return fate if isinstance(task, TrainingTask) else "trained"

    config = alone(10, train={"eval_interval": 10, "sample_interval": 0})
    with pytest.raises(HostDivergedError, match="start again with a lower --lr"):
        finished(config, MemoryEngine(fate=fails))


def test_a_sample_that_fails_costs_nothing_but_itself() -> None:
    def mute(task: Task) -> Fate:
        return "failed" if isinstance(task, SampleTask) else "trained"

    assert spent_exactly(finished(alone(500), MemoryEngine(fate=mute)))


def test_the_rate_is_that_of_the_recipe_from_first_to_last_chunk() -> None:
    for recipe, curve, last in (("modern", "linear", 0.0), ("classic", "cosine", 0.1)):
        engine = MemoryEngine()
        finished(alone(1000, model={"recipe": recipe}), engine)
        spans = [task.learning_rate for task in engine.trained()]
        decays = {(span.decay.curve, span.decay.end) for span in spans if span.decay}
        assert decays == {(curve, 1000)}
        assert {span.last for span in spans} == {last}


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("stages", range(1, 12, 2))
def test_a_run_is_given_more_steps_at_any_moment(recipe: str, stages: int) -> None:
    config, engine = alone(300, model={"recipe": recipe}), MemoryEngine()
    state = make_state(config)
    for _ in range(stages):
        state = advance(config, engine, state)
    longer, state, _ = extend(config, state, 700)
    end = drive(longer, engine, state)[-1]
    assert spent_exactly(end)
    assert sum(task.steps for task in engine.trained()) == 700


def test_a_finished_run_goes_on_from_before_its_decay() -> None:
    config, engine = alone(1000), MemoryEngine()
    end = finished(config, engine)
    longer, state, _ = extend(config, end, 2000)
    assert host_of(state).age_steps == 200
    assert host_of(state).best == host_of(end).best
    again = drive(longer, engine, state)[-1]
    assert host_of(again).age_steps == 1200
    assert again.test_openings == 2


def test_a_run_has_one_phase_and_no_population() -> None:
    config = alone(100)
    assert [(phase.name, phase.kind) for phase in phases_of(config)] == [("training", "single")]
    end = finished(config)
    assert end.lineages == ()
    assert phase_of(end).fit is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 0}, "give --iters 1 or more"),
        ({"control": ("gelu",)}, "control belongs to the six phases"),
        ({"train": {"activation": "sillu"}}, "silu"),
    ],
)
def test_settings_that_one_model_has_not_are_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(mode="train", **changes)


def test_the_six_phases_refuse_what_belongs_to_one_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train belongs to symbio-auto train"):
        make_config(train={"activation": "relu"})
    with pytest.raises(ValueError, match="leaves no test split"):
        make_config(data=NO_TEST)


@pytest.mark.parametrize("stop_after", [1, 4, 9, None])
def test_a_run_is_had_again_from_its_results_wherever_it_was_left(
    tmp_path: Path, stop_after: int | None
) -> None:
    engine = MemoryEngine(tmp_path)
    engine.stop_after = stop_after
    run = ScriptedRun(tmp_path, alone(600), engine)
    left = run.play()
    record = load_commit(run.folder).record
    replay = Replay.of(run.folder, record)
    for _ in replay.stages():
        pass
    assert first_difference(comparable(left), comparable(replay.state)) is None
    engine.stop_after = None
    assert digest(run.play(left, record.journal_bytes)) == digest(
        ScriptedRun(tmp_path / "whole", alone(600), MemoryEngine(tmp_path / "whole")).play()
    )
