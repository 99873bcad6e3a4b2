"""Which updates are refused, and who is quarantined."""

from math import inf, nan

import pytest

from trainer.guards import finite_or_none, must_be_quarantined, update_is_sound


@pytest.mark.parametrize(("loss", "grad_norm"), [(nan, 1), (inf, 1), (1, nan), (1, inf), (-inf, 1)])
def test_what_is_not_finite_is_refused(loss: float, grad_norm: float) -> None:
    assert not update_is_sound(loss, grad_norm, None)


def test_a_spike_is_refused_above_the_threshold_only() -> None:
    assert update_is_sound(2.0, 10.0, 10.0)
    assert not update_is_sound(2.0, 10.1, 10.0)
    assert update_is_sound(2.0, 1e9, None)


@pytest.mark.parametrize(
    ("num_skipped", "steps", "expected"),
    [(7, 20, False), (8, 20, True), (7, 7, False), (3, 8, True), (2, 8, False), (0, 0, False)],
)
def test_more_than_35_percent_of_at_least_8_steps_is_quarantined(
    num_skipped: int, steps: int, expected: bool
) -> None:
    assert must_be_quarantined(num_skipped, steps) is expected


def test_rows_hold_finite_values_only() -> None:
    assert [finite_or_none(value) for value in (1.5, nan, inf, -inf)] == [1.5, None, None, None]
