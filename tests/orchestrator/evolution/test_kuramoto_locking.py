"""The locking rule on equal and on dispersed rates, and what it must not depend on."""

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import kuramoto_locking
from benchmarks.kuramoto_locking import CASES, UNCOUPLED, Case, course, simulate, start
from orchestrator.evolution.kuramoto import (
    DRIFT_LIMITS,
    KICK,
    LOCKED_R,
    MAX_COUPLING,
    advance,
    initial_state,
    is_locked,
    kick,
    order_parameter,
    phase_drift,
)
from orchestrator.run_state import OscillatorState
from state.seeds import generator

LINEAGES = list(DRIFT_LIMITS)
PHASES = st.lists(st.floats(-30, 30), min_size=2, max_size=4)


@pytest.fixture(autouse=True)
def few_replications(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kuramoto_locking, "REPLICATIONS", 60)


def share_locked(num_lineages: int, case: Case, ratio: float, spread: float = 2.0) -> float:
    """Share of the generations in which the rule fires, once there is a history."""
    rng = generator(11, num_lineages)
    r, drift = simulate(start(num_lineages, spread, rng), case, ratio, rng)
    fires = (r > LOCKED_R) & (drift < DRIFT_LIMITS[num_lineages])
    return float(fires[3:].mean())


def case(name: str) -> Case:
    return next(one for one in (*CASES, *UNCOUPLED) if one.name == name)


@pytest.mark.parametrize(("num_lineages", "least"), [(2, 0.4), (3, 0.75), (4, 0.8)])
def test_equal_rates_lock_at_the_coupling_of_the_last_search_phase(
    num_lineages: int, least: float
) -> None:
    assert share_locked(num_lineages, case("equal"), 2.5) > least
    assert share_locked(num_lineages, case("equal, noise .2"), 2.5) > max(0.65, least)


@pytest.mark.parametrize("num_lineages", LINEAGES)
def test_first_rates_far_apart_do_not_put_different_lineages_in_step(num_lineages: int) -> None:
    state = initial_state([150.0, *[0.0] * (num_lineages - 1)], generator(3))
    assert state.coupling == MAX_COUPLING
    for _ in range(8):
        state = advance(state, [20.0, *[0.0] * (num_lineages - 1)], 2.5)
        assert not is_locked(state)


@pytest.mark.parametrize("num_lineages", LINEAGES)
@pytest.mark.parametrize("ratio", [0.6, 2.5])
def test_rates_dispersed_beyond_the_critical_coupling_do_not_lock(
    num_lineages: int, ratio: float
) -> None:
    assert share_locked(num_lineages, case("dispersion 1.1"), ratio) <= 0.05
    assert share_locked(num_lineages, case("dispersion 1.5"), ratio) <= 0.02
    assert share_locked(num_lineages, case("dispersion 2"), ratio) <= 0.01


@pytest.mark.parametrize("num_lineages", LINEAGES)
def test_lineages_without_coupling_do_not_lock(num_lineages: int) -> None:
    assert share_locked(num_lineages, case("no coupling"), 0.0) <= 0.02
    assert share_locked(num_lineages, case("no coupling, noise .35"), 0.0) <= 0.05


@pytest.mark.parametrize("num_lineages", LINEAGES)
def test_the_simulation_is_what_a_run_does(num_lineages: int) -> None:
    rng = generator(12, num_lineages)
    phases = rng.uniform(-pi, pi, (1, num_lineages))
    rates = 2 * rng.normal(size=(12, 1, num_lineages))
    kicks = rng.random((12, 1, num_lineages)) < 0.2
    radii, drifts = course(phases, np.asarray([[3.0]]), rates, kicks)
    state = OscillatorState(phases=tuple(phases[0].tolist()), coupling=2.0)
    for generation in range(12):
        state = advance(state, rates[generation, 0].tolist(), 1.5)
        for lineage in np.flatnonzero(kicks[generation, 0]):
            state = kick(state, int(lineage))
        r, _ = order_parameter(state.phases)
        fires = r > LOCKED_R and drifts[generation, 0] < DRIFT_LIMITS[num_lineages]
        assert radii[generation, 0] == pytest.approx(r, abs=1e-9)
        assert fires == is_locked(state)
        if generation >= 3:
            assert drifts[generation, 0] == pytest.approx(phase_drift(state), abs=1e-9)


@pytest.mark.parametrize("num_lineages", [3, 4])
def test_one_kick_does_not_end_a_lock_of_three_or_four(num_lineages: int) -> None:
    still = (0.0,) * num_lineages
    state = OscillatorState(phases=still, coupling=3.0, history=(still,) * 4)
    assert is_locked(state)
    assert is_locked(kick(state, 1))
    assert not is_locked(kick(kick(state, 1), 1))


def test_one_kick_ends_a_lock_of_two_for_a_generation() -> None:
    still = (0.0, 0.0)
    kicked = kick(OscillatorState(phases=still, coupling=3.0, history=(still,) * 4), 1, 1.01 * KICK)
    assert not is_locked(kicked)
    assert is_locked(advance(kicked, [1.0, 1.0], 2.5))


def moved(state: OscillatorState, turn: float, order: list[int]) -> OscillatorState:
    """The state with every phase turned and the lineages in another order."""

    def changed(phases: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(phases[index] + turn for index in order)

    history = tuple(changed(past) for past in state.history)
    return state.model_copy(update={"phases": changed(state.phases), "history": history})


@given(PHASES, st.floats(-20, 20), st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_depends_on_a_common_rotation_or_on_the_order_of_the_lineages(
    phases: list[float], turn: float, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(phases))))
    rates = data.draw(st.lists(st.floats(-5, 5), min_size=len(phases), max_size=len(phases)))
    state = OscillatorState(phases=tuple(phases), coupling=2.0)
    other = moved(state, turn, order)
    for _ in range(5):
        state = advance(state, rates, 0.5)
        other = advance(other, [rates[index] for index in order], 0.5)
    expected = moved(state, turn, order)
    assert other.phases == pytest.approx(expected.phases, abs=1e-6)
    assert order_parameter(other.phases)[0] == pytest.approx(
        order_parameter(state.phases)[0], abs=1e-6
    )
    assert phase_drift(other) == pytest.approx(phase_drift(state), abs=1e-6)
    margin = min(abs(phase_drift(state) - limit) for limit in DRIFT_LIMITS.values())
    if margin > 1e-5 and abs(order_parameter(state.phases)[0] - LOCKED_R) > 1e-5:
        assert is_locked(other) == is_locked(state)
