"""What is fit to train."""

import pytest

from state.genome import LEAF_NAMES, parse, probation
from state.records import Genome


@pytest.mark.parametrize("formula", [*LEAF_NAMES, "swiglu", "relu(x)^3", "x*sin(x)*x", "x*x*tanh"])
def test_ordinary_activations_pass(formula: str) -> None:
    assert probation(parse(formula)) is None
    assert probation(parse(formula), "bfloat16") is None


@pytest.mark.parametrize(
    ("formula", "degree"), [("x^4", 4), ("relu(x)^4", 4), ("relu(-x)^5*x", 6), ("x^4*sin(x)", 4)]
)
def test_growth_above_the_third_degree_fails(formula: str, degree: int) -> None:
    assert probation(parse(formula)) == (
        f"{parse(formula).formula} grows like |x|^{degree}; limit 3"
    )


def test_factors_that_cancel_do_not_count_as_growth() -> None:
    assert probation(parse("x^3*silu(x)*silu(-x)")) is None


def test_an_overflow_in_the_training_precision_fails() -> None:
    formula = parse("(x^4)^8").formula
    reason = probation(Genome(formula=formula))
    assert reason is not None
    assert "has no finite value at x = -30.00 in float32" in reason


def test_bfloat16_ends_below_float32() -> None:
    # 1202 * 30^24 = 3.395e38 lies between bfloat16's 3.390e38 and float32's 3.403e38.
    genome = parse("1202*x^8*x^8*x^8")
    assert probation(genome) == f"{genome.formula} grows like |x|^24; limit 3"
    assert probation(genome, "bfloat16") == (
        f"{genome.formula} has no finite value at x = -30.00 in bfloat16"
    )


def test_what_is_nearly_constant_fails() -> None:
    reason = probation(parse("0.0001*x"))
    assert reason == "0.0001*x is within 0.0001 RMS of a constant; limit 0.001"
    offset = probation(parse("sigmoid(0.001*x)"))
    assert offset is not None
    assert "of a constant" in offset
