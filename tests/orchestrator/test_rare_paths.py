"""Paths that a healthy run does not take: retries, reverts, pruning, failures, early ends."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil, exp

import pytest

from orchestrator import ledger as books
from orchestrator.run_state import OscillatorState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.search_decision import floor_steps, restore
from state.genome import size
from state.records import Genome, PhaseName
from state.results import Outcome
from state.tasks import EnsembleTask, TrainingTask
from tests.builders import digest, make_config, make_evaluation
from tests.memory_runs import MemoryEngine, advance, drive, spent_exactly

FREE = {"endosymbiosis_floor": 0.0}


def worse_in(phase: PhaseName, *, always: bool = False) -> Callable[[TrainingTask], float]:
    """Half a bit worse in one phase; at half the learning rate only if `always`."""
    return lambda task: 0.5 if task.phase == phase and (always or task.lr_scale == 1) else 0.0


def verdicts(state: RunState, phase: PhaseName) -> list[str]:
    return [one.gate.verdict for one in state.summaries if one.name == phase]


def retried(states: list[RunState]) -> int:
    """Position of the first state of the second attempt."""
    return next(n for n, one in enumerate(states) if one.phase and one.phase.retries)


# ---- gate: retry and revert


@pytest.mark.parametrize("phase", ["primordial", "cambrian"])
def test_a_phase_that_made_the_model_worse_is_tried_again_at_half_the_rate(
    phase: PhaseName,
) -> None:
    config = make_config(evolution=FREE)
    engine = MemoryEngine(worse=worse_in(phase))
    states = drive(config, engine)
    assert verdicts(states[-1], phase) == ["retry", "pass"]
    assert spent_exactly(states[-1])
    place = retried(states)
    again = phase_of(states[place])
    first = next(n for n, one in enumerate(states) if one.phase_index == states[place].phase_index)
    assert states[place].lineages == phase_of(states[first + 1]).start_lineages
    assert states[place].oscillators == again.start_oscillators
    later = [task for task in engine.trained() if task.generation >= again.first_generation]
    assert {task.lr_scale for task in later if task.phase == phase} == {0.5}
    assert {task.lr_scale for task in later if task.phase != phase} == {1.0}


def test_a_retry_is_paid_by_endosymbiosis_and_each_attempt_has_a_summary_of_its_own() -> None:
    config = make_config(evolution=FREE)
    states = drive(config, MemoryEngine(worse=worse_in("primordial")))
    place = retried(states)
    before, after = (
        [books.line(one.ledger, name).allotted for name in ("primordial", "endosymbiosis")]
        for one in (states[place - 1], states[place])
    )
    assert after == [2 * before[0], before[1] - before[0]]
    told = [one for one in states[-1].summaries if one.name == "primordial"]
    assert [one.steps for one in told] == [before[0], before[0]]
    assert sum(one.steps for one in states[-1].summaries) == config.budget
    assert sum(one.generations for one in states[-1].summaries) == states[-1].generation


def test_a_retry_leaves_endosymbiosis_its_floor_or_is_not_made() -> None:
    for floor, wanted in ((0.14, "retry"), (0.15, "retry"), (0.3, "revert")):
        config = make_config(evolution={"endosymbiosis_floor": floor})
        states = drive(config, MemoryEngine(worse=worse_in("primordial")))
        assert verdicts(states[-1], "primordial")[0] == wanted
        endosymbiosis = min(books.line(one.ledger, "endosymbiosis").allotted for one in states)
        assert endosymbiosis >= floor_steps(config)
        assert spent_exactly(states[-1])


def test_a_phase_that_is_still_worse_goes_back_to_the_best_copy() -> None:
    config = make_config(evolution=FREE)
    states = drive(config, MemoryEngine(worse=worse_in("cambrian", always=True)))
    assert verdicts(states[-1], "cambrian") == ["retry", "revert"]
    place = next(n for n, one in enumerate(states) if len(one.summaries) == 4)
    copy = states[place - 1].dormant[0]
    assert states[place].lineages[copy.lineage].checkpoint == copy.checkpoint
    assert states[place].lineages[copy.lineage].age_steps == copy.age_steps
    assert spent_exactly(states[-1])


def test_a_retried_phase_resumed_anywhere_ends_like_one_that_was_not_stopped() -> None:
    config = make_config(evolution=FREE, budget=1000)
    states = drive(config, MemoryEngine(worse=worse_in("cambrian")))
    place = retried(states)
    for state in states[place - 2 : place + 4]:
        engine = MemoryEngine(worse=worse_in("cambrian"))
        drive(config, engine, until=lambda one, end=state: one == end)  # type: ignore[misc]
        restored = RunState.model_validate_json(state.model_dump_json())
        assert digest(drive(config, engine, restored)[-1]) == digest(states[-1])


def test_a_host_that_is_shown_to_be_worse_goes_back_with_its_way_before_the_decay() -> None:
    config = make_config()
    engine = MemoryEngine()
    state = drive(config, engine, until=lambda one: one.phase_index == 4)[-1]
    copy = min(state.dormant, key=lambda one: one.evaluation.bits_per_byte)
    state = drive(config, engine, state, until=lambda one: one.stage == "phase_end")[-1]
    host = host_of(state)
    assert host.best is not None
    bad = engine.answer(engine.trained()[0]).result.evaluations  # type: ignore[union-attr]
    best = host.best.model_copy(update={"evaluation": bad[0]})
    state = state.model_copy(
        update={"host": host.model_copy(update={"best": best}), "dormant": (copy,)}
    )
    after = advance(config, engine, state)
    assert after.summaries[-1].gate.verdict == "revert"
    back = host_of(after)
    assert (back.genome, back.checkpoint, back.before_decay) == (
        copy.genome,
        copy.checkpoint,
        copy.checkpoint,
    )
    assert back.before_decay_age == back.age_steps == copy.age_steps
    assert spent_exactly(drive(config, engine, after)[-1])


# ---- transitions


def test_a_failing_phase_goes_back_once_to_a_better_copy() -> None:
    """Challengers that memorise and champions that skip steps sum to a failed phase."""

    class Failing(MemoryEngine):
        def train(self, task: TrainingTask) -> Outcome:
            outcome = super().train(task)
            changes: dict[str, object] = {}
            if task.phase == "cambrian" and task.role == "champion":
                changes["skipped_steps"] = ceil(task.steps * 0.3)
            if task.phase == "cambrian" and task.role == "challenger":
                changes["train_loss"] = 0.5
            return outcome.model_copy(update={"result": outcome.result.model_copy(update=changes)})

    config = make_config(budget=6000, seed=3)
    engine = Failing(worse=worse_in("cambrian", always=True))
    states = drive(config, engine)
    kinds = [(one.decisions[-1].kind, n) for n, one in enumerate(states) if one.decisions]
    places = [n for kind, n in kinds if kind == "revert" and states[n - 1].stage == "generation"]
    assert len(places) >= 1
    first = places[0]
    copy = min(states[first].dormant, key=lambda one: one.evaluation.bits_per_byte)
    assert states[first].lineages[copy.lineage].checkpoint == copy.checkpoint
    in_one_attempt = [n for n in places if states[n].phase_index == 2]
    attempts = {phase_of(states[n]).first_generation for n in in_one_attempt}
    assert len(attempts) == len(in_one_attempt)
    assert spent_exactly(states[-1])


# ---- pruning


@pytest.mark.parametrize(("lineages", "behind"), [(3, {2}), (4, {1, 3}), (4, {1, 2, 3})])
def test_a_lineage_far_behind_is_pruned_in_oxidation_and_two_go_on(
    lineages: int, behind: set[int]
) -> None:
    config = make_config(budget=4000, evolution={"lineages": lineages})
    engine = MemoryEngine(
        worse=lambda task: 1.0 + 0.1 * task.lineage if task.lineage in behind else 0.0
    )
    states = drive(config, engine, until=lambda one: one.host is not None)
    dead = {one.index for one in states[-1].lineages if not one.alive}
    assert dead == set(sorted(behind, reverse=True)[: lineages - 2])
    place = next(n for n, one in enumerate(states) if any(not old.alive for old in one.lineages))
    assert states[place].phase_index == 3
    assert states[place].oscillators is not None
    after = [one for one in engine.trained() if one.generation >= states[place].generation]
    assert after
    assert not dead & {one.lineage for one in after}
    ensemble = next(one for one in engine.seen if isinstance(one, EnsembleTask))
    assert {one.checkpoint for one in ensemble.models} == {
        one.checkpoint for one in states[-1].lineages if one.alive
    }
    assert spent_exactly(drive(config, engine, states[-1])[-1])


def test_a_copy_of_a_pruned_lineage_takes_the_place_of_the_worst_living_one() -> None:
    config = make_config(budget=4000)
    state = drive(config, MemoryEngine(), until=lambda one: one.phase_index == 3)[-1]
    copy = state.dormant[0].model_copy(update={"lineage": 2})
    lineages = [
        one.model_copy(update={"evaluation": make_evaluation(3.0 + one.index), "alive": alive})
        for one, alive in zip(state.lineages, (True, True, False), strict=True)
    ]
    restored = restore(state.model_copy(update={"lineages": tuple(lineages)}), copy).lineages
    assert (restored[0], restored[2]) == (lineages[0], lineages[2])
    assert restored[1].alive
    assert restored[1].checkpoint == copy.checkpoint
    assert restored[1].evaluation == copy.evaluation


# ---- phases that end later or earlier than planned


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


@pytest.mark.parametrize("floor", [0.0, 0.2, 0.29])
def test_a_search_that_still_gains_is_extended_twice_at_most_down_to_the_floor(
    floor: float,
) -> None:
    config = make_config(budget=8000, evolution={"endosymbiosis_floor": floor})
    states = drive(config, MemoryEngine(quality=larger_is_better, noise=0.003))
    most, taken = 0, 0
    for before, after in pairwise(states):
        if before.phase and after.phase and after.phase.extensions > before.phase.extensions:
            most = max(most, after.phase.extensions)
            given, kept = (
                books.line(one.ledger, "endosymbiosis").allotted for one in (before, after)
            )
            taken += given - kept
            assert kept >= floor_steps(config)
            assert states[-1].counts.accepted > 0
    assert most <= 2
    assert (most > 0) == (taken > 0) == (floor < 0.29)
    assert spent_exactly(states[-1])


def flat(task: TrainingTask) -> float:
    """Undoes what age gains."""
    return -2 * exp(-(task.first_step - 1 + task.steps) / 400)


def test_lineages_in_phase_that_stand_still_give_their_steps_to_endosymbiosis() -> None:
    config = make_config(budget=6000)
    engine = MemoryEngine(worse=flat, noise=0.001)
    state = drive(
        config, engine, until=lambda one: one.phase_index == 2 and one.stage == "generation"
    )[-1]
    phase = phase_of(state)
    settings = phase.settings.model_copy(update={"population": len(state.lineages)})
    phase = phase.model_copy(
        update={
            "settings": settings,
            "best_history": (2.0, 2.0, 2.0),
            "distance_history": (0.1,),
            "null_differences": (0.001, -0.001) * 6,
        }
    )
    still = (0.1, 0.1, 0.1)
    oscillators = OscillatorState(phases=still, coupling=50.0, history=(still,) * 4)
    state = state.model_copy(update={"phase": phase, "oscillators": oscillators})
    after = advance(config, engine, state)
    assert after.decisions[-1].kind == "advance"
    assert "in phase" in after.decisions[-1].reason
    assert after.stage == "phase_end"
    saved = books.remaining(state.ledger, "cambrian") - books.line(after.ledger, "cambrian").settled
    given, held = (books.line(one.ledger, "endosymbiosis").allotted for one in (state, after))
    assert held - given == saved > 0
    assert spent_exactly(drive(config, engine, after)[-1])
