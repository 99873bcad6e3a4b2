"""Challengers that lie behind half way stop; what the others are is their whole training."""

from collections.abc import Iterator
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.phases import SIX_PHASES
from orchestrator.run_state import RunState
from orchestrator.stages import search
from orchestrator.stages.conclusion import (
    member_record,
    phase_of,
    piece_of,
    result_of,
    training_result,
    was_stopped,
    with_results,
    work_of,
)
from orchestrator.stages.halving import first_run, num_survivors, saved_steps, second_halves
from orchestrator.stages.search_results import bits_per_byte
from state.genome import size
from state.records import Genome
from state.results import TrainingResult
from state.tasks import Task, TrainingTask
from tests.builders import ScriptedEngine, make_config
from tests.memory_runs import MemoryEngine, drive, worked

CONFIG = make_config(budget=12_000, evolution={"lineages": 2, "halving_steps": 20})
EVOLUTION = CONFIG.evolution


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


ENGINE = MemoryEngine(quality=larger_is_better, noise=0.003)


def is_in_cambrian(state: RunState) -> bool:
    return state.phase_index == 2 and state.stage == "generation"


@lru_cache(maxsize=1)
def planned() -> RunState:
    """A generation of Cambrian, five challengers in each lineage, before its first result; the
    noise is known.
    """
    *_, state = drive(CONFIG, ENGINE, until=is_in_cambrian)
    phase = phase_of(state)
    assert phase.fit is not None
    known = {"replicate_differences": (0.01, -0.01) * (phase.fit.null_pairs // 2 + 1)}
    state = state.model_copy(update={"phase": phase.model_copy(update=known)})
    return search.open_work(state, CONFIG)


def rounds(state: RunState, engine: ScriptedEngine = ENGINE) -> Iterator[tuple[Task, ...]]:
    """What the stage asks for, time after time."""
    while tasks := search.pending(state, CONFIG):
        yield tasks
        state = with_results(state, [one.result for one in engine.run(tasks, lambda: False)])


@lru_cache(maxsize=1)
def done() -> RunState:
    """The same generation with every result, confirmations among them."""
    state = worked(CONFIG, ENGINE, planned())
    assert any("-confirm" in one.task_id for one in work_of(state).results)
    return state


def challengers(state: RunState) -> list[TrainingTask]:
    return [task for task in work_of(state).tasks if task.role == "challenger"]


# ---- who goes on


@pytest.mark.parametrize(
    ("factor", "count", "kept"), [(3, 2, 1), (3, 3, 1), (3, 4, 2), (2, 5, 3), (9, 4, 1)]
)
def test_one_in_so_many_goes_on_rounded_up(factor: int, count: int, kept: int) -> None:
    evolution = EvolutionConfig(halving_factor=factor)
    assert num_survivors(evolution, count) == kept
    assert saved_steps(evolution, 101, [count, 1]) == 51 * (count - kept)
    assert saved_steps(evolution, 99, [count]) == 0


def test_first_all_first_halves_then_the_second_ones_then_confirmations() -> None:
    first, second, third = rounds(planned())
    steps = work_of(planned()).tasks[0].steps
    for task in first:
        assert isinstance(task, TrainingTask)
        halved = task.role == "challenger"
        assert task.steps == (steps // 2 if halved else steps)
        assert task.morph_steps <= task.steps // 2 or task.role != "challenger"
    assert {task.task_id for task in first} == {task.task_id for task in work_of(planned()).tasks}
    assert len(second) == 2 * num_survivors(EVOLUTION, 5) == 4
    assert all(task.task_id.endswith("-second") for task in second)
    assert all(task.task_id.endswith("-confirm") for task in third)


def test_the_best_at_the_rung_go_on() -> None:
    state = done()
    for lineage in (0, 1):
        own = [task for task in challengers(state) if task.lineage == lineage]
        rung = {}
        for task in own:
            piece = piece_of(state, task.task_id)
            assert isinstance(piece, TrainingResult)
            rung[task.task_id] = piece.evaluations[0].bits_per_byte
        going = {task.second_half_of for task in second_halves(state, CONFIG)} & rung.keys()
        assert going == set(sorted(rung, key=rung.__getitem__)[: len(going)])
        assert len(going) == num_survivors(EVOLUTION, len(own))


def test_equals_go_on_in_the_order_of_their_ids() -> None:
    state = planned()
    first = next(rounds(state))
    (one, *_) = [task for task in first if "c01" in task.task_id]
    (same,) = [outcome.result for outcome in ENGINE.run([one], lambda: False)]
    equals = [same.model_copy(update={"task_id": task.task_id}) for task in reversed(first)]
    going = {task.second_half_of for task in second_halves(with_results(state, equals), CONFIG)}
    assert {name.split("-")[-1] for name in going if name} == {"c01", "c02"}
    assert len(going) == 4


def test_short_candidates_and_a_single_challenger_train_whole() -> None:
    state, whole = planned(), work_of(planned()).tasks
    longer = make_config(budget=12_000, evolution={"halving_steps": whole[0].steps + 1})
    assert first_run(state, longer) == whole
    assert second_halves(done(), longer) == ()
    few = tuple(task for task in whole if task.role != "challenger" or "c01" in task.task_id)
    alone = state.model_copy(update={"work": work_of(state).model_copy(update={"tasks": few})})
    assert first_run(alone, CONFIG) == few


def test_the_phases_as_they_are_configured_are_too_short_for_it() -> None:
    assert max(phase.steps_per_candidate for phase in SIX_PHASES) < EvolutionConfig().halving_steps


# ---- what counts


def test_a_member_that_goes_on_is_its_whole_training() -> None:
    state = done()
    for second in second_halves(state, CONFIG):
        name = second.second_half_of
        assert name is not None
        (task,) = [one for one in work_of(state).tasks if one.task_id == name]
        (whole,) = [one.result for one in ENGINE.run([task], lambda: False)]
        found = training_result(state, name)
        assert isinstance(whole, TrainingResult)
        assert found is not None
        for field in ("checkpoint", "steps", "tokens", "training_flops", "train_loss"):
            assert getattr(found, field) == pytest.approx(getattr(whole, field)), field
        assert found.evaluations == whole.evaluations


def test_a_member_that_stopped_is_told_and_never_judged() -> None:
    state = done()
    going = {task.second_half_of for task in second_halves(state, CONFIG)}
    stopped = [task for task in challengers(state) if task.task_id not in going]
    assert len(stopped) == 6
    for task in stopped:
        result = result_of(state, task.task_id)
        assert isinstance(result, TrainingResult)
        assert was_stopped(task, result)
        assert training_result(state, task.task_id) is None
        assert bits_per_byte(state, task.task_id) is None
        row = member_record(task, result)
        assert (row.status, row.steps) == ("halved", task.steps // 2)
        assert row.bits_per_byte is not None
    rows = {row.member_id: row for row in search.conclude(state, CONFIG).members}
    assert rows.keys() == {task.task_id for task in work_of(state).tasks}
    for task in challengers(state):
        row, goes_on = rows[task.task_id], task.task_id in going
        assert (row.status == "halved", row.gain is None) == (not goes_on, not goes_on)
        assert row.steps == (task.steps if goes_on else task.steps // 2)


def test_a_confirmation_trains_the_contender_whole() -> None:
    state = done()
    *_, third = rounds(planned())
    contenders = [task for task in third if isinstance(task, TrainingTask)]
    contenders = [task for task in contenders if task.role == "challenger"]
    assert contenders
    for task in contenders:
        champion = state.lineages[task.lineage]
        assert (task.parent, task.steps) == (champion.checkpoint, work_of(state).tasks[0].steps)


def test_the_accepted_one_leaves_the_weights_of_its_second_half() -> None:
    state = done()
    after = search.conclude(state, CONFIG).state
    taken = [
        (second, lineage)
        for second in second_halves(state, CONFIG)
        for lineage in after.lineages
        if lineage.index == second.lineage and lineage.genome == second.genome
    ]
    assert taken
    for second, lineage in taken:
        piece = piece_of(state, second.task_id)
        assert isinstance(piece, TrainingResult)
        assert lineage.checkpoint == piece.checkpoint
        before = state.lineages[lineage.index].age_steps
        assert lineage.age_steps == before + work_of(state).tasks[0].steps


def test_what_was_not_run_is_refunded() -> None:
    state = done()
    work = work_of(state)
    ran = sum(one.steps for one in work.results if isinstance(one, TrainingResult))
    steps, confirmed = work.tasks[0].steps, sum("-confirm" in one.task_id for one in work.results)
    saved = saved_steps(EVOLUTION, steps, [5, 5])
    assert saved == 6 * (steps - steps // 2)
    assert ran == work.reserved - saved - (4 - confirmed) * steps
    after = search.conclude(state, CONFIG).state
    before, behind = (books.line(one.ledger, "cambrian") for one in (state, after))
    assert (behind.settled - before.settled, behind.reserved) == (ran, 0)


@settings(max_examples=25, deadline=None)
@given(shuffled=st.deferred(lambda: st.permutations(range(len(work_of(done()).results)))))
def test_the_order_of_results_changes_nothing(shuffled: list[int]) -> None:
    state = done()
    results = work_of(state).results
    mixed = work_of(state).model_copy(update={"results": tuple(results[i] for i in shuffled)})
    other = state.model_copy(update={"work": mixed})
    assert second_halves(other, CONFIG) == second_halves(state, CONFIG)
    assert search.conclude(other, CONFIG) == search.conclude(state, CONFIG)
