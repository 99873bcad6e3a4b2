"""What follows the gate: which copies are kept, and where a run goes back to."""

from collections.abc import Sequence

import pytest

from orchestrator.run_state import Dormant, Gate, LineageState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.phase_move import distinct, leave
from state.genome import parse
from tests.builders import GELU, make_evaluation
from tests.copies import battery_of
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import CONFIG, at_end_of, with_phase, worse_always

REVERT = Gate(verdict="revert", reason="worse")
PASS = Gate(verdict="pass", reason="better")


def lineages_at(bits: Sequence[float | None]) -> tuple[LineageState, ...]:
    return tuple(
        LineageState(
            index=index,
            genome=GELU,
            init_seed=index,
            checkpoint=None if one is None else f"{index} at {one}",
            evaluation=None if one is None else make_evaluation(one),
        )
        for index, one in enumerate(bits)
    )


def copy_of(bits: float, formula: str = "gelu", lineage: int = 0) -> Dormant:
    return Dormant(
        genome=parse(formula),
        checkpoint=f"{formula} at {bits}",
        evaluation=make_evaluation(bits),
        lineage=lineage,
        phase="primordial",
        generation=3,
        age_steps=100,
    )


@pytest.fixture(scope="module")
def ended() -> RunState:
    return at_end_of("cambrian", worse_always("cambrian"))[0]


def after_failure(
    ended: RunState,
    start: tuple[LineageState, ...],
    now: tuple[LineageState, ...],
    copy: Dormant,
) -> list[str | None]:
    state = with_phase(ended, start_lineages=start)
    state = state.model_copy(update={"lineages": now, "dormant": (copy,)})
    return [one.checkpoint for one in leave(state, CONFIG, REVERT, ()).lineages]


# ---- going back


def test_lineages_that_the_phase_made_worse_go_back_and_those_that_gained_stay(
    ended: RunState,
) -> None:
    start, now = lineages_at([2.5, 2.4, None]), lineages_at([2.8, 2.3, 2.9])
    assert after_failure(ended, start, now, copy_of(2.2, "relu", lineage=0)) == [
        "relu at 2.2",
        "1 at 2.3",
        "2 at 2.9",
    ]
    assert after_failure(ended, start, now, copy_of(2.2, "relu", lineage=1)) == [
        "0 at 2.5",
        "relu at 2.2",
        "2 at 2.9",
    ]


def test_a_pruned_lineage_stays_pruned_and_its_copy_takes_the_worst_ones_place(
    ended: RunState,
) -> None:
    start, now = lineages_at([2.5, 2.4, 2.4]), lineages_at([2.8, 2.7, 2.9])
    now = (*now[:2], now[2].model_copy(update={"alive": False}))
    assert after_failure(ended, start, now, copy_of(2.2, "relu", lineage=2)) == [
        "relu at 2.2",
        "1 at 2.4",
        "2 at 2.9",
    ]


def test_a_phase_that_was_given_up_leaves_the_next_one_where_it_began_itself() -> None:
    states = drive(CONFIG, MemoryEngine(worse=worse_always("cambrian")))
    before = next(one for one in states if one.phase_index == 2 and one.stage == "generation")
    after = next(one for one in states if one.phase_index == 3)
    assert after.summaries[-1].gate.verdict == "revert"
    assert [one.checkpoint for one in after.lineages] == [one.checkpoint for one in before.lineages]
    assert after.dormant == before.dormant
    assert phase_of(after).start_lineages == phase_of(before).start_lineages


def tried(bits: float, lineage: int, score: float) -> Dormant:
    """A champion and what its battery came to."""
    return copy_of(bits, lineage=lineage).model_copy(update={"battery": battery_of(score)})


@pytest.mark.parametrize(("gate", "first"), [(REVERT, "relu at 2.2"), (PASS, "0 at 2.45")])
def test_a_lineage_that_gained_bits_and_cannot_write_goes_back_to_where_it_began(
    ended: RunState, gate: Gate, first: str
) -> None:
    """Its two bits would make it the best of its phase, and the host of the next."""
    state = with_phase(ended, start_lineages=lineages_at([2.5, 2.4]))
    kept = copy_of(2.2, "relu").model_copy(update={"battery": battery_of(0.8)})
    state = state.model_copy(update={"lineages": lineages_at([2.45, 2.0]), "dormant": (kept,)})
    after = leave(state, CONFIG, gate, [tried(2.45, 0, 0.8), tried(2.0, 1, 0.3)])
    assert [one.checkpoint for one in after.lineages] == [first, "1 at 2.4"]


def test_a_lineage_that_writes_like_the_others_keeps_what_it_gained(ended: RunState) -> None:
    state = with_phase(ended, start_lineages=lineages_at([2.5, 2.4]))
    state = state.model_copy(update={"lineages": lineages_at([2.45, 2.0]), "dormant": ()})
    after = leave(state, CONFIG, PASS, [tried(2.45, 0, 0.8), tried(2.0, 1, 0.79)])
    assert [one.checkpoint for one in after.lineages] == ["0 at 2.45", "1 at 2.0"]


# ---- what is kept


def test_of_each_activation_the_best_copy_is_kept() -> None:
    copies = [
        copy_of(2.3),
        copy_of(2.1),
        copy_of(2.2, "relu"),
        copy_of(2.15, "relu"),
        copy_of(2.4, "silu"),
        copy_of(2.5, "tanh"),
    ]
    assert [one.checkpoint for one in distinct(copies, CONFIG)] == [
        "gelu at 2.1",
        "relu at 2.15",
        "silu at 2.4",
    ]


def test_nearly_the_same_function_is_no_second_copy_and_a_gate_makes_one() -> None:
    near = [copy_of(2.1, "relu"), copy_of(2.2, "relu(x) + 0.0001*x"), copy_of(2.3, "glu(relu(x))")]
    kept = [one.checkpoint for one in distinct(near, CONFIG)]
    assert kept == ["relu at 2.1", "glu(relu(x)) at 2.3"]


def test_what_passed_is_kept_beside_the_copies_of_before_and_what_failed_is_not(
    ended: RunState,
) -> None:
    state = ended.model_copy(update={"dormant": (copy_of(2.2),)})
    new = (copy_of(2.1, "relu"), copy_of(2.05, "gelu"))
    kept = leave(state, CONFIG, PASS, new).dormant
    assert [one.checkpoint for one in kept] == ["gelu at 2.05", "relu at 2.1"]
    assert leave(state, CONFIG, REVERT, new).dormant == state.dormant
