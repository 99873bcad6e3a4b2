"""Who trains in a generation of a search phase, and that the order of results means nothing."""

from collections import Counter
from functools import lru_cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.run_state import OscillatorState, RunState
from orchestrator.stages import search
from orchestrator.stages.conclusion import phase_of, work_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.search_plan import next_cost, places, plan_generation
from state.genome import parse, size
from state.records import Genome
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, drive, worked

CONFIG = make_config(budget=12_000, evolution={"lineages": 4})


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


ENGINE = MemoryEngine(quality=larger_is_better, noise=0.003)


@lru_cache(maxsize=1)
def states() -> tuple[RunState, ...]:
    return tuple(drive(CONFIG, ENGINE, until=lambda one: one.phase_index > 3))


def searching(phase_index: int = 2) -> RunState:
    """The first state of a search phase, with its lineages grown up."""
    return next(
        one for one in states() if one.phase_index == phase_index and one.stage == "generation"
    )


def with_settings(state: RunState, **changes: object) -> RunState:
    phase = phase_of(state)
    changed = phase.settings.model_copy(update=changes)
    return state.model_copy(update={"phase": phase.model_copy(update={"settings": changed})})


# ---- places


@settings(max_examples=100, deadline=None)
@given(population=st.integers(4, 40), generation=st.integers(0, 10_000))
def test_challengers_are_spread_to_within_one(population: int, generation: int) -> None:
    state = with_settings(searching(), population=population)
    state = state.model_copy(update={"generation": generation})
    shares = places(state, CONFIG).challengers
    counts = [shares.get(index, 0) for index in range(4)]
    assert sum(counts) == population - 4
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("population", [5, 6, 7, 9])
def test_what_does_not_divide_evenly_goes_round(population: int) -> None:
    state = with_settings(searching(), population=population)
    total: Counter[int] = Counter()
    for generation in range(40, 44):
        numbered = state.model_copy(update={"generation": generation})
        total.update(places(numbered, CONFIG).challengers)
    assert set(total.values()) == {population - 4}


def test_a_lineage_before_half_its_warm_up_gets_neither_challengers_nor_pairs() -> None:
    state = searching()
    young = state.lineages[2].model_copy(update={"age_steps": 9})
    state = state.model_copy(update={"lineages": (*state.lineages[:2], young, *state.lineages[3:])})
    seats = places(state, CONFIG)
    assert 2 not in seats.challengers
    assert 2 not in seats.pairs
    assert seats.num_challengers == phase_of(state).settings.population - 4
    grown = young.model_copy(update={"age_steps": 10})
    state = state.model_copy(update={"lineages": (*state.lineages[:2], grown, *state.lineages[3:])})
    assert 2 in places(state, CONFIG).challengers


def test_pairs_stop_when_the_phase_has_as_many_differences_as_it_was_fitted_with() -> None:
    for phase_index in (1, 2, 3):
        inside = [one for one in states() if one.phase_index == phase_index and one.phase]
        fit = phase_of(inside[-1]).fit
        assert fit is not None
        assert len(phase_of(inside[-1]).replicate_differences) == fit.null_pairs
        first = searching(phase_index)
        assert sum(places(first, CONFIG).pairs.values()) > 0
        full = phase_of(first).model_copy(update={"replicate_differences": (0.1,) * fit.null_pairs})
        after = first.model_copy(update={"phase": full})
        assert places(after, CONFIG).pairs == {}


def test_a_generation_never_takes_more_than_was_reserved_for_it() -> None:
    for before, after in pairwise(states()):
        if before.stage == "generation" and before.phase_index in (1, 2, 3):
            opened = plan_generation(before, CONFIG)
            reserved = work_of(opened).reserved
            name = current_phase(before, CONFIG)
            settled = [books.line(one.ledger, name).settled for one in (before, after)]
            assert settled[1] - settled[0] <= reserved
            assert reserved <= books.remaining(before.ledger, name)
            assert reserved == next_cost(before, CONFIG) or all(
                task.role == "champion" for task in work_of(opened).tasks
            )


def test_the_last_steps_go_to_the_lineages_in_turn() -> None:
    state = searching()
    phase = phase_of(state).model_copy(update={"closing": True})
    lines = [
        one.model_copy(update={"allotted": one.settled + 1}) if one.phase == "cambrian" else one
        for one in state.ledger.lines
    ]
    ledger = state.ledger.model_copy(update={"lines": tuple(lines)})
    state = state.model_copy(update={"phase": phase, "ledger": ledger})
    receivers = []
    for generation in range(8):
        opened = plan_generation(state.model_copy(update={"generation": generation}), CONFIG)
        (task,) = work_of(opened).tasks
        assert task.steps == 1
        receivers.append(task.lineage)
    assert receivers == [0, 1, 2, 3] * 2


# ---- migrants


def test_migration_weights_belong_to_the_living_lineages() -> None:
    """Lineage 0 is pruned, 2 turns with 1 and 3 against it: 1 hears 2 three times as often."""
    state = with_settings(searching(), mutation_rate=0.0, population=6)
    formulas = ("gelu", "silu", "relu", "tanh(x)")
    lineages = [
        one.model_copy(update={"genome": parse(formula), "alive": one.index > 0})
        for one, formula in zip(state.lineages, formulas, strict=True)
    ]
    state = state.model_copy(
        update={
            "lineages": tuple(lineages),
            "oscillators": OscillatorState(phases=(0.0, 0.0, 3.14159), coupling=1.0),
        }
    )
    senders: Counter[str] = Counter()
    for generation in range(100, 400):
        numbered = state.model_copy(update={"generation": generation})
        opened = work_of(plan_generation(numbered, CONFIG))
        assert {task.lineage for task in opened.tasks} == {1, 2, 3}
        senders.update(
            one.operator.removeprefix("migrate from lineage ")
            for one in opened.proposals
            if "-l1-c01" in one.task_id
        )
    assert set(senders) == {"2", "3"}
    assert 2.0 < senders["2"] / senders["3"] < 4.5


# ---- the order of results


@lru_cache(maxsize=1)
def finished_generation() -> RunState:
    """A generation of Cambrian with twins, challengers and a second run, before its end."""
    for state in states():
        if state.stage == "generation" and state.phase_index == 2:
            done = worked(CONFIG, ENGINE, state)
            if len(work_of(done).results) > len(work_of(done).tasks):
                return done
    raise AssertionError("no contender passed its first run")


@settings(max_examples=25, deadline=None)
@given(
    shuffled=st.deferred(
        lambda: st.permutations(range(len(work_of(finished_generation()).results)))
    )
)
def test_the_order_of_results_changes_nothing(shuffled: list[int]) -> None:
    state = finished_generation()
    results = [
        one.model_copy(update={"training_flops": 1e16 + 0.1 * number})
        for number, one in enumerate(work_of(state).results)
    ]
    ordered, mixed = (
        state.model_copy(update={"work": work_of(state).model_copy(update={"results": tuple(one)})})
        for one in (results, [results[number] for number in shuffled])
    )
    assert search.conclude(mixed, CONFIG) == search.conclude(ordered, CONFIG)
