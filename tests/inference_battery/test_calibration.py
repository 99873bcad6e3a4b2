"""Expected calibration error on tables whose error is known."""

import pytest
import torch

from inference_battery.calibration import MAX_WINDOWS, NUM_BINS, calibration_error
from tests.inference_battery.conftest import TableModel

CONTEXT = 10
SEVEN_IN_TEN = [1, 1, 0, 1, 1, 0, 1, 0, 1, 1]


def table(after_0: list[float], after_1: list[float]) -> TableModel:
    """Probabilities of 0 and 1 by the last token."""
    logits = torch.tensor([after_0, after_1], dtype=torch.float64).log()
    return TableModel(logits.expand(2, 2, 2), context_length=CONTEXT)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_error() -> None:
    error = calibration_error(table([0.3, 0.7], [0.3, 0.7]), SEVEN_IN_TEN * 40)
    assert error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("chance", [0.51, 0.6, 0.8, 0.9, 0.999])
def test_the_error_is_the_gap_between_sure_and_right(chance: float) -> None:
    model = table([1 - chance, chance], [1 - chance, chance])
    assert calibration_error(model, SEVEN_IN_TEN * 40) == pytest.approx(abs(chance - 0.7))


def test_a_confident_model_that_is_always_wrong_has_its_confidence_as_error() -> None:
    model = table([0.05, 0.95], [0.05, 0.95])
    assert calibration_error(model, [0] * 100) == pytest.approx(0.95)


def test_errors_of_different_bins_do_not_cancel() -> None:
    # 0 and 1 in turn: sure by 0.9 and always wrong after 0, by 0.6 and always right after 1.
    model = table([0.9, 0.1], [0.6, 0.4])
    assert calibration_error(model, [0, 1] * 60) == pytest.approx((0.9 + 0.4) / 2)


def test_errors_of_one_bin_do_cancel() -> None:
    low, high = 0.61, 0.65
    assert int(low * NUM_BINS) == int(high * NUM_BINS)
    model = table([high, 1 - high], [low, 1 - low])
    assert calibration_error(model, [0, 1] * 60) == pytest.approx(abs((1 - low - high) / 2))


def test_a_text_shorter_than_a_window_has_no_error() -> None:
    model = table([0.3, 0.7], [0.3, 0.7])
    assert calibration_error(model, [1] * CONTEXT) is None
    assert calibration_error(model, [1] * (CONTEXT + 1)) == pytest.approx(0.3)
    assert calibration_error(model, []) is None


def test_windows_reach_from_the_beginning_to_the_end_of_a_long_text() -> None:
    model = table([0.001, 0.999], [0.001, 0.999])
    right, wrong = [1] * (CONTEXT + 1), [0] * (CONTEXT + 1)
    text = [*wrong, *(right * 100), *wrong]
    expected = 2 / MAX_WINDOWS * 0.999 - (1 - 2 / MAX_WINDOWS) * 0.001
    assert calibration_error(model, text) == pytest.approx(expected)
