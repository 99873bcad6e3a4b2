"""The rate falls while the free energy rises, and comes back."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.instruments.thermostat import COLDEST, COOLING, WARMING, Thermostat


def after(losses: Sequence[float], entropy: float | None = 2.0, rate: float = 1e-3) -> Thermostat:
    """Each loss is an interval of two steps."""
    state = Thermostat()
    for loss in losses:
        state = state.after_step(loss - 0.5).after_step(loss + 0.5)
        state = state.after_interval(entropy, rate)
    return state


def test_the_energy_is_the_mean_loss_and_the_heat_of_the_weights() -> None:
    assert after([3.0]).energy == pytest.approx(3.0 + 1000 * 1e-3 * 2.0)


def test_a_first_interval_changes_nothing() -> None:
    assert after([3.0]).scale == 1.0


def test_rising_energy_cools_and_falling_energy_warms() -> None:
    assert after([3.0, 3.1]).scale == pytest.approx(COOLING)
    assert after([3.0, 3.1, 3.0]).scale == pytest.approx(COOLING * WARMING)
    assert after([3.0, 2.9]).scale == 1.0


@given(st.lists(st.floats(-10, 10), max_size=60))
def test_the_scale_stays_within_its_bounds(losses: list[float]) -> None:
    assert COLDEST <= after(losses).scale <= 1.0


def test_an_interval_without_a_reading_leaves_the_rate_and_the_last_energy() -> None:
    cooled = after([3.0, 3.1])
    for blind in (cooled.after_interval(2.0, 1e-3), cooled.after_step(3.0).after_interval(None, 1)):
        assert (blind.scale, blind.energy, blind.losses) == (cooled.scale, cooled.energy, 0)


def test_a_step_without_a_loss_counts_for_nothing() -> None:
    assert Thermostat().after_step(None) == Thermostat()
