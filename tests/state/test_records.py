"""Records that know how they are written down."""

from state.records import Readings, StepMetrics
from tests.state.conftest import Steps


def test_a_line_has_no_instrument_that_read_nothing(steps: Steps) -> None:
    (step,) = steps(1)
    assert not step.line().keys() & Readings.model_fields.keys()
    assert step.line()["grad_norm"] is None


def test_a_line_has_what_was_read_and_comes_back(steps: Steps) -> None:
    (step,) = steps(1)
    read = step.model_copy(update={"cusum_alerts": 0, "weight_entropy": 3.5})
    assert read.line().keys() - step.line().keys() == {"cusum_alerts", "weight_entropy"}
    assert StepMetrics.model_validate(read.line()) == read
