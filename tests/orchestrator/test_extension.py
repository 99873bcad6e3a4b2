"""More budget at any moment, and every budget to its last step."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.extension import extend
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.dispatch import stage_of
from orchestrator.stages.host_progress import host_of
from state.commit import load_commit
from state.genome import size
from state.records import Genome
from tests.builders import ScriptedRun, make_config
from tests.memory_runs import MemoryEngine, check, drive, spent_exactly, worked

CONFIG = make_config(budget=1000, control=("gelu",))
ENGINE = MemoryEngine(ensemble_gain=0.05)


@lru_cache(maxsize=1)
def states() -> tuple[RunState, ...]:
    """Every state of one run, from before its first step to its end."""
    return tuple(drive(CONFIG, ENGINE))


def finish(config: RunConfig, state: RunState) -> RunState:
    return drive(config, ENGINE, state)[-1]


def opened(state: RunState) -> RunState:
    """The state with its work planned and reserved, and none of it done."""
    if state.status == "finished" or state.work is not None:
        return state
    return stage_of(state, CONFIG).open_work(state, CONFIG)


def done(state: RunState) -> RunState:
    """The state with its work done and not concluded."""
    return state if state.status == "finished" else worked(CONFIG, ENGINE, state)


@pytest.mark.parametrize("moment", [lambda state: state, opened, done])
def test_a_run_extended_at_any_moment_spends_the_larger_budget_exactly(
    moment: Callable[[RunState], RunState],
) -> None:
    for state in states():
        config, larger, event = extend(CONFIG, moment(state), 1700)
        check(larger)
        assert books.spent(larger.ledger) == books.spent(state.ledger)
        assert event.data["extra"] == 700
        end = finish(config, larger)
        assert spent_exactly(end)
        assert end.extended_count == 1
        assert [line.settled for line in end.ledger.control] == [1700]
        assert len(end.controls) == 1
        assert sum(one.steps for one in end.summaries) == 1700


@settings(max_examples=20)
@given(
    place=st.floats(0, 1),
    first=st.integers(1, 3000),
    second=st.integers(1, 3000),
    again=st.floats(0, 1),
)
def test_a_run_can_be_extended_twice_at_once_or_later(
    place: float, first: int, second: int, again: float
) -> None:
    state = states()[round(place * (len(states()) - 1))]
    config, state, _ = extend(CONFIG, opened(state), 1000 + first)
    path = drive(config, ENGINE, state)
    later = path[round(again * again * (len(path) - 1))]
    config, later, _ = extend(config, later, 1000 + first + second)
    check(later)
    assert spent_exactly(finish(config, later))


def test_a_budget_that_does_not_grow_is_refused_in_one_line() -> None:
    for budget in (60, 1000):
        with pytest.raises(ValueError, match=r"does not extend the run's budget of 1000; give"):
            extend(CONFIG, states()[3], budget)


def test_a_budget_that_no_run_may_have_is_refused_before_it_is_committed() -> None:
    with pytest.raises(ValueError, match=r"budget.*less than or equal to 1000000000000"):
        extend(CONFIG, states()[3], 10**13)


def test_a_phase_that_has_trained_its_last_step_gets_nothing_more() -> None:
    for state in states():
        if state.stage == "phase_end" and state.phase_index < 4:
            _, larger, _ = extend(CONFIG, state, 2000)
            name = phases_of(CONFIG)[state.phase_index].name
            assert books.remaining(larger.ledger, name) == 0


def test_a_search_that_was_over_for_want_of_steps_goes_on() -> None:
    """It holds challengers, which 1,000 steps do not."""
    before = make_config(budget=1200)
    state = next(
        one
        for one in drive(before, ENGINE)
        if one.phase and one.phase.closing and one.stage == "generation"
    )
    config, larger, _ = extend(before, state, 20_000)
    path = drive(config, ENGINE, larger, until=lambda one: one.stage == "phase_end")
    assert not phase_of(path[0]).closing
    assert path[-1].counts.evaluated > state.counts.evaluated


def host_states() -> list[RunState]:
    return [one for one in states() if one.final_host or (one.host and one.phase_index >= 4)]


def test_the_host_goes_on_from_before_its_decay_and_the_best_so_far_must_be_beaten() -> None:
    for state in host_states():
        old = state.final_host or host_of(state)
        _, larger, event = extend(CONFIG, state, 1700)
        host = host_of(larger)
        assert "not equal to an uninterrupted run" in str(event.data["how"])
        assert (host.name, host.done_steps, larger.stage) == ("host", 0, "phase_start")
        assert host.checkpoint == old.before_decay
        assert host.age_steps == old.before_decay_age
        assert ENGINE.age(host.checkpoint) == host.age_steps
        assert host.best == old.best
        assert larger.winner is None
        assert larger.final is None


def test_an_extension_that_makes_nothing_better_hands_over_the_model_it_had() -> None:
    engine = MemoryEngine(
        worse=lambda task: 0.5 if task.phase in ("endosymbiosis", "homeostasis") else 0.0
    )
    engine.objects = ENGINE.objects
    config, larger, _ = extend(CONFIG, states()[-1], 1700)
    end = drive(config, engine, larger)[-1]
    before = states()[-1].winner
    assert before is not None
    assert end.winner is not None
    assert end.winner.checkpoint == before.checkpoint
    assert end.test_openings == 2


@pytest.mark.parametrize("stop_after", [12, 30, 44, None])
def test_what_an_extension_goes_on_from_is_still_on_disk(
    tmp_path: Path, stop_after: int | None
) -> None:
    engine = MemoryEngine(tmp_path, ensemble_gain=0.05)
    run = ScriptedRun(tmp_path, make_config(budget=600), engine)
    engine.stop_after = stop_after
    run.play()
    engine.stop_after = None
    record = load_commit(run.folder).record
    config, state, _ = extend(run.config, restore(record).run, 900)
    longer = ScriptedRun(tmp_path, config, engine)
    end = longer.play(state, record.journal_bytes)
    assert spent_exactly(end)
    assert restore(load_commit(run.folder).record).run == end


def test_an_extension_is_cut_into_as_many_chunks_as_a_phase_is() -> None:
    config, larger, _ = extend(CONFIG, states()[-1], 1400)
    end = finish(config, larger)
    assert [one.generations for one in end.summaries[-2:]] == [
        one.generations for one in end.summaries[-4:-2]
    ]


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


@settings(max_examples=20)
@given(
    budget=st.integers(60, 5000),
    seed=st.integers(0, 1000),
    lineages=st.integers(2, 4),
    gain=st.sampled_from([-0.05, 0.05]),
)
def test_every_budget_is_spent_exactly(budget: int, seed: int, lineages: int, gain: float) -> None:
    config = make_config(budget=budget, seed=seed, evolution={"lineages": lineages})
    engine = MemoryEngine(ensemble_gain=gain, quality=larger_is_better)
    assert spent_exactly(drive(config, engine)[-1])


@pytest.mark.parametrize("lineages", [2, 3, 4])
@pytest.mark.parametrize("control", [(), ("gelu",)])
def test_the_smallest_budgets_are_spent_exactly(lineages: int, control: tuple[str, ...]) -> None:
    for budget in range(60, 131, 5):
        config = make_config(budget=budget, control=control, evolution={"lineages": lineages})
        state = drive(config, MemoryEngine())[-1]
        assert spent_exactly(state)
        assert [line.settled for line in state.ledger.control] == [budget] * len(control)
