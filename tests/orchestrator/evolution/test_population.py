"""The population grows where ideas run out and shrinks where they gain nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.evolution.kuramoto import null_quantile
from orchestrator.evolution.population import Rescaled, rescale
from orchestrator.phases import SIX_PHASES, SearchFit, generation_cost
from orchestrator.run_state import PhaseSettings, PhaseState
from state.records import Finding

CAMBRIAN = SIX_PHASES[2]
PLATEAU = Finding(
    detector="stagnation", severity=0.0, reason="no new best for 900 steps", value=900, limit=600
)
COLLAPSE = Finding(
    detector="collapse", severity=0.3, reason="mean distance under 0.12", value=0.1, limit=0.12
)
IN_STEP = 0.99
PLENTY = 10**6


def phase(**changes: object) -> PhaseState:
    """A phase in its sixth generation: nothing accepted, no gain, genomes as far apart as ever."""
    calm: dict[str, object] = {
        "settings": PhaseSettings(population=12, steps_per_candidate=35),
        "fit": SearchFit(population=12, steps_per_candidate=35, null_pairs=4),
        "first_generation": 10,
        "null_differences": (0.01, -0.01, 0.01, -0.01),
        "replicate_differences": (0.01, -0.01, 0.01, -0.01),
        "start_distance": 0.8,
        "distance_history": (0.8, 0.8, 0.8, 0.8, 0.8, 0.8),
        "best_history": (2.0, 2.0, 2.0, 2.0, 2.0, 2.0),
        "accepted_history": (0, 0, 0, 0, 0, 0),
    }
    return PhaseState.model_validate({**calm, **changes})


def of_size(population: int) -> PhaseSettings:
    return PhaseSettings(population=population, steps_per_candidate=35)


def rescaled(
    state: PhaseState,
    *findings: Finding,
    r: float | None = None,
    lineages: int = 3,
    steps_left: int = PLENTY,
) -> Rescaled:
    return rescale(state, CAMBRIAN, findings, r, lineages, steps_left)


def grown(outcome: Rescaled) -> int:
    after, adjustments, reason = outcome
    assert bool(adjustments) == bool(reason)
    for one in adjustments:
        assert (one.setting, one.after) == ("population", after.settings.population)
    return sum(int(one.after - one.before) for one in adjustments)


# ---- when


def test_a_phase_in_which_nothing_is_wrong_keeps_its_size() -> None:
    state = phase()
    assert rescaled(state) == (state, (), "")


def test_a_plateau_asks_for_more() -> None:
    outcome = rescaled(phase(), PLATEAU)
    assert grown(outcome) == 2
    assert outcome[2] == PLATEAU.reason


def test_a_collapsed_population_grows_even_where_lineages_are_in_step() -> None:
    assert grown(rescaled(phase(), COLLAPSE)) == 2
    assert grown(rescaled(phase(), COLLAPSE, r=IN_STEP)) == 2
    assert rescaled(phase(), COLLAPSE, PLATEAU)[2] == COLLAPSE.reason


def test_lineages_in_step_that_gain_nothing_ask_for_fewer_even_on_a_plateau() -> None:
    assert grown(rescaled(phase(), r=IN_STEP)) == -2
    assert grown(rescaled(phase(), PLATEAU, r=IN_STEP)) == -2


@pytest.mark.parametrize(
    "change",
    [
        {"accepted_history": (0, 0, 0, 1, 0, 0)},
        {"best_history": (2.0, 2.0, 2.0, 1.98, 1.98, 1.97)},
        {"best_history": (2.0, 2.0, 2.0)},
        {"null_differences": ()},
    ],
    ids=["a genome was accepted", "beyond the noise", "too young", "the noise is not known"],
)
def test_lineages_in_step_that_gain_or_may_gain_are_left_alone(change: dict[str, object]) -> None:
    assert grown(rescaled(phase(**change), r=IN_STEP)) == 0


def test_an_r_that_random_phases_reach_is_no_synchrony() -> None:
    for lineages in (2, 3, 4):
        limit = null_quantile(lineages)
        assert grown(rescaled(phase(), r=limit, lineages=lineages)) == 0
        above = (limit + 1) / 2
        assert grown(rescaled(phase(), r=above, lineages=lineages)) == -2


def test_an_old_gain_does_not_count() -> None:
    early = phase(accepted_history=(2, 1, 1, 0, 0, 0), best_history=(2.5, 2.2, 2.0, 2.0, 2.0, 2.0))
    assert grown(rescaled(early, r=IN_STEP)) == -2


# ---- how often, how far


def test_a_change_is_given_the_phases_cooldown() -> None:
    state, _, _ = rescaled(phase(), PLATEAU)
    changes = []
    for _ in range(12):
        state, adjustments, _ = rescaled(state, PLATEAU)
        changes.append(len(adjustments))
    assert changes == [0] * 10 + [1, 0]


def test_the_scale_says_what_the_size_is() -> None:
    state = phase()
    for expected in (14, 16):
        state = state.model_copy(update={"scale_cooldown_left": 0})
        state, _, _ = rescaled(state, PLATEAU)
        assert state.settings.population == expected
        assert state.settings.population_scale == pytest.approx(expected / 12)


def test_a_small_population_changes_by_one_member_at_least() -> None:
    fit = SearchFit(population=4, steps_per_candidate=35, null_pairs=2)
    assert grown(rescaled(phase(settings=of_size(4), fit=fit), PLATEAU)) == 1


def test_a_phase_without_challengers_or_about_to_close_keeps_its_size() -> None:
    bare = SearchFit(population=3, steps_per_candidate=35, null_pairs=0)
    for change in ({"fit": bare}, {"fit": None}, {"closing": True}):
        assert grown(rescaled(phase(**change), PLATEAU)) == 0


def test_a_larger_generation_must_still_fit() -> None:
    cost = generation_cost(population=13, steps=35, pairs=0, confirmations=3)
    assert grown(rescaled(phase(), PLATEAU, steps_left=cost)) == 1
    assert grown(rescaled(phase(), PLATEAU, steps_left=cost - 1)) == 0
    owing = phase(replicate_differences=(0.01, 0.01))
    assert grown(rescaled(owing, PLATEAU, steps_left=cost)) == 0


@example(population=5, steps_left=350, lineages=4, r=None, plateau=True, distances=[])
@given(
    population=st.integers(5, 30),
    steps_left=st.integers(0, 3000),
    lineages=st.integers(2, 4),
    r=st.one_of(st.none(), st.floats(0, 1)),
    plateau=st.booleans(),
    distances=st.lists(st.floats(0, 1), max_size=5),
)
def test_the_size_stays_in_its_range_keeps_a_challenger_and_can_be_paid(
    population: int,
    steps_left: int,
    lineages: int,
    r: float | None,
    plateau: bool,
    distances: list[float],
) -> None:
    state = phase(settings=of_size(population), distance_history=tuple(distances))
    found = (PLATEAU,) if plateau else ()
    after, adjustments, _ = rescaled(state, *found, r=r, lineages=lineages, steps_left=steps_left)
    if not adjustments:
        assert after == state
        return
    size = after.settings.population
    assert max(6, lineages + 1) <= size <= 30
    if size > population:
        confirmed = min(lineages, size - lineages)
        cost = generation_cost(population=size, steps=35, pairs=0, confirmations=confirmed)
        assert cost <= steps_left
