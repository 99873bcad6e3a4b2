"""The oscillators against theory, and what counts as locked."""

from collections.abc import Sequence
from math import cos, inf, nan, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.evolution.kuramoto import (
    LOCKED_R,
    advance,
    critical_coupling,
    drop,
    initial_state,
    integrate,
    is_locked,
    kick,
    null_quantile,
    order_parameter,
    phase_drift,
)
from orchestrator.run_state import OscillatorState
from state.seeds import generator

RATES = st.lists(st.floats(-20, 20), min_size=2, max_size=5)


def state_of(*phases: float, coupling: float = 1.0) -> OscillatorState:
    return OscillatorState(phases=phases, coupling=coupling)


def run(
    state: OscillatorState, rates: Sequence[float], ratio: float, generations: int
) -> OscillatorState:
    for _ in range(generations):
        state = advance(state, rates, ratio)
    return state


def lorentzian_r(half_width: float, coupling: float, start_spread: float) -> float:
    """Mean r of 2000 oscillators late in a run, frequencies at Lorentzian quantiles."""
    shares = (np.arange(2000) + 0.5) / 2000
    omegas = half_width * np.tan(pi * (shares - 0.5))
    rng = generator(0, "lorentzian test")
    phases = integrate(rng.uniform(-start_spread, start_spread, 2000), omegas, coupling, 40.0)
    late = []
    for _ in range(20):
        phases = integrate(phases, omegas, coupling, 0.5)
        late.append(order_parameter(phases)[0])
    return float(np.mean(late))


@pytest.mark.parametrize("coupling", [1.25, 1.5, 2.5])
def test_above_the_critical_coupling_r_is_that_of_theory(coupling: float) -> None:
    half_width = 0.5
    expected = sqrt(1 - 2 * half_width / coupling)
    assert lorentzian_r(half_width, coupling, 1.0) == pytest.approx(expected, rel=0.01)


def test_below_the_critical_coupling_r_is_that_of_chance() -> None:
    assert lorentzian_r(0.5, 0.5, pi) < 4 / sqrt(2000)


def test_populations_side_by_side_are_those_alone() -> None:
    rng = generator(5)
    phases, omegas = rng.uniform(-pi, pi, (4, 3)), rng.normal(size=(4, 3))
    couplings = np.asarray([[0.0], [0.5], [3.0], [8.0]])
    together = integrate(phases, omegas, couplings, 2.0)
    for row, coupling in enumerate(couplings[:, 0]):
        alone = integrate(phases[row], omegas[row], float(coupling), 2.0)
        assert together[row] == pytest.approx(alone, abs=1e-4)


def test_the_critical_coupling_of_two_is_the_difference_of_their_rates() -> None:
    assert critical_coupling([1.0, 4.0]) == pytest.approx(3.0)


def test_equal_rates_have_no_critical_coupling_but_a_least_reference() -> None:
    assert critical_coupling([2.0, 2.0, 2.0]) == 0
    assert initial_state([2.0, 2.0, 2.0], generator(0)).coupling == pytest.approx(0.1)


@given(RATES, st.floats(0.1, 10), st.floats(-5, 5))
def test_the_critical_coupling_scales_with_the_rates_and_ignores_their_mean(
    rates: list[float], factor: float, shift: float
) -> None:
    moved = [factor * rate + shift for rate in rates]
    assert critical_coupling(moved) == pytest.approx(
        factor * critical_coupling(rates), rel=1e-6, abs=1e-6
    )


@pytest.mark.parametrize("rates", [[0.0, 3.0], [0.0, 1.0, 4.0], [-2.0, 0.0, 0.5, 3.0]])
def test_phases_lock_just_above_the_critical_coupling_and_never_below(rates: list[float]) -> None:
    critical = critical_coupling(rates)
    start = np.linspace(0.0, 0.5, len(rates))
    omegas = np.asarray(rates) - np.mean(rates)
    drifts = {}
    for ratio in (0.95, 1.05):
        before = integrate(start, omegas, ratio * critical, 60.0)
        after = integrate(before, omegas, ratio * critical, 40.0)
        drifts[ratio] = float(np.ptp(after - before))
    assert drifts[1.05] < 0.01
    assert drifts[0.95] > 2 * pi


def test_the_integrator_agrees_with_half_its_step() -> None:
    start, omegas = np.asarray([0.0, 1.0, 2.5]), np.asarray([-1.0, 0.2, 0.8])
    coarse = integrate(start, omegas, 2.0, 2.0, step=0.05)
    fine = integrate(start, omegas, 2.0, 2.0, step=0.025)
    assert np.abs(coarse - fine).max() < 1e-6


def test_two_oscillators_settle_at_the_phase_difference_of_theory() -> None:
    state = run(state_of(0.0, 0.3), [0.0, 1.0], 2.0, 20)
    assert state.phases[1] - state.phases[0] == pytest.approx(np.arcsin(0.5), abs=1e-6)


@pytest.mark.parametrize("num_oscillators", [2, 3, 4])
def test_equal_rates_lock(num_oscillators: int) -> None:
    rng = generator(3, num_oscillators)
    state = initial_state([3.0 * rng.normal() for _ in range(num_oscillators)], rng)
    assert is_locked(run(state, [1.0] * num_oscillators, 2.5, 12))


@pytest.mark.parametrize("num_oscillators", [2, 3, 4])
def test_noise_and_dispersion_do_not_lock(num_oscillators: int) -> None:
    rng = generator(4, num_oscillators)
    fired = 0
    for _ in range(20):
        rates = np.linspace(-2.0, 2.0, num_oscillators)
        state = initial_state(list(rates), rng)
        for _ in range(15):
            noisy = rates + 0.5 * rng.normal(size=num_oscillators)
            state = advance(state, list(noisy), 0.6)
            fired += is_locked(state)
    assert fired <= 3


def test_close_phases_that_drift_are_not_locked() -> None:
    history = ((0.0, -0.6), (0.0, -0.2), (0.0, 0.1), (0.0, 0.4))
    state = OscillatorState(phases=(0.0, 0.4), coupling=1.0, history=history)
    assert order_parameter(state.phases)[0] > LOCKED_R
    assert phase_drift(state) == pytest.approx(1.0)
    assert not is_locked(state)


def test_whole_turns_count_as_drift() -> None:
    history = tuple((0.0, 2 * pi * turn) for turn in range(4))
    state = OscillatorState(phases=history[-1], coupling=1.0, history=history)
    assert phase_drift(state) == pytest.approx(6 * pi)


def test_nothing_is_locked_before_three_generations_or_alone() -> None:
    assert not is_locked(run(state_of(0.0, 0.0), [1.0, 1.0], 2.5, 3))
    assert is_locked(run(state_of(0.0, 0.0), [1.0, 1.0], 2.5, 4))
    assert not is_locked(run(state_of(0.0), [1.0], 2.5, 10))


def test_a_kick_turns_one_phase_by_a_sixth_of_pi() -> None:
    kicked = kick(state_of(0.0, 1.0), 1)
    assert kicked.phases == (0.0, 1.0 + pi / 6)


def test_dropping_a_lineage_removes_it_from_the_history() -> None:
    state = drop(run(state_of(0.0, 1.0, 2.0), [1.0, 2.0, 3.0], 1.0, 5), 1)
    assert len(state.phases) == 2
    assert {len(past) for past in state.history} == {2}
    assert state.history[-1] == state.phases
    with pytest.raises(ValueError, match="last oscillator cannot be dropped"):
        drop(state_of(0.0), 0)


def test_full_damping_takes_the_rates_away() -> None:
    assert advance(state_of(0.0, 0.0), [5.0, -5.0], 1.0, damping=1.0).phases == (0.0, 0.0)


@given(RATES, st.floats(0, 3), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_state_stays_finite_and_a_rerun_gives_the_same_bits(
    rates: list[float], ratio: float, seed: int
) -> None:
    state = initial_state(rates, generator(seed))
    moved = advance(state, rates, ratio)
    assert moved == advance(state, rates, ratio)
    assert np.isfinite(moved.phases).all()
    assert OscillatorState.model_validate_json(moved.model_dump_json()) == moved


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_number_that_is_not_finite_is_refused_everywhere(bad: float) -> None:
    state = state_of(0.0, 1.0)
    with pytest.raises(ValueError, match="not finite"):
        advance(state, [bad, 1.0], 1.0)
    with pytest.raises(ValueError, match="not finite"):
        critical_coupling([bad, 1.0])
    with pytest.raises(ValueError, match="not finite"):
        order_parameter([bad, 1.0])
    with pytest.raises(ValueError, match="coupling_ratio"):
        advance(state, [0.0, 1.0], bad)
    with pytest.raises(ValueError, match="damping"):
        advance(state, [0.0, 1.0], 1.0, damping=bad)
    with pytest.raises(ValueError, match="duration"):
        advance(state, [0.0, 1.0], 1.0, duration=bad)
    with pytest.raises(ValueError, match="angle"):
        kick(state, 0, bad)
    still = np.zeros(2)
    with pytest.raises(ValueError, match="not finite"):
        integrate(np.asarray([bad, 0.0]), still, 1.0, 1.0)
    with pytest.raises(ValueError, match="not finite"):
        integrate(still, np.asarray([0.0, bad]), 1.0, 1.0)
    with pytest.raises(ValueError, match="coupling"):
        integrate(still, still, bad, 1.0)
    with pytest.raises(ValueError, match="coupling"):
        integrate(still, still, np.asarray([[1.0], [bad]]), 1.0)
    with pytest.raises(ValueError, match="finite"):
        OscillatorState(phases=(bad, 0.0), coupling=1.0)


def test_the_number_of_rates_must_be_that_of_the_oscillators() -> None:
    with pytest.raises(ValueError, match="3 rates for 2 oscillators"):
        advance(state_of(0.0, 1.0), [1.0, 2.0, 3.0], 1.0)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_null_quantile_of_two_has_a_closed_form(level: float) -> None:
    assert null_quantile(2, level) == pytest.approx(cos(pi * (1 - level) / 2), abs=5e-3)


def test_the_null_quantile_falls_with_the_number_of_oscillators() -> None:
    assert null_quantile(1) == 1.0
    assert null_quantile(2) > null_quantile(3) > null_quantile(4) > LOCKED_R - 0.2


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=6), st.floats(-3, 3))
def test_r_ignores_a_common_rotation(phases: list[float], turn: float) -> None:
    r, _ = order_parameter(phases)
    assert 0 <= r <= 1
    assert order_parameter([phase + turn for phase in phases])[0] == pytest.approx(r, abs=1e-9)
