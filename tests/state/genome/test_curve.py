"""Values against closed forms, slopes against differences."""

from math import erf, exp, sqrt, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import LEAF_NAMES, parse, slopes, values

POINTS = [-30.0, -2.5, -1.0, 0.3, 1.7, 30.0]


@pytest.mark.parametrize("x", POINTS)
def test_leaves_have_the_values_of_their_definitions(x: float) -> None:
    definitions = {
        "silu": x / (1 + exp(-x)),
        "gelu": x * (1 + erf(x / sqrt(2))) / 2,
        "relu": max(x, 0.0),
        "identity": x,
        "square": x * x,
        "sigmoid": 1 / (1 + exp(-x)),
        "tanh": tanh(x),
        "sin": float(np.sin(x)),
        "leaky_relu": x if x > 0 else 0.01 * x,
        "abs": abs(x),
    }
    assert set(definitions) == set(LEAF_NAMES)
    for name, expected in definitions.items():
        assert values(parse(name), np.asarray([x]))[0] == pytest.approx(expected, abs=1e-12), name


FORMULAS = st.sampled_from(
    [
        *LEAF_NAMES,
        "0.8*silu(x)*relu(x) + 0.2*x",
        "sin(gelu(x)*tanh(x))",
        "silu(-0.5*x)^3 - x",
        "abs(silu(x) - 0.3*x)",
        "glu(sigmoid(2*x)*x)",
    ]
)


@given(FORMULAS, st.floats(-4, 4))
@settings(max_examples=300, deadline=None)
def test_a_slope_is_the_limit_of_differences(formula: str, x: float) -> None:
    genome, h = parse(formula), 1e-5
    f = values(genome, np.asarray([x - h, x, x + h]))
    left, right = (f[1] - f[0]) / h, (f[2] - f[1]) / h
    slope = slopes(genome, np.asarray([x]))[0]
    assert min(left, right) - 1e-3 <= slope <= max(left, right) + 1e-3


def test_the_slopes_at_a_kink_are_those_of_torch() -> None:
    zero = np.zeros(1)
    kinks = {name: slopes(parse(name), zero)[0] for name in ("relu", "abs", "leaky_relu")}
    assert kinks == {"relu": 0.0, "abs": 0.0, "leaky_relu": 0.01}


def test_far_arguments_overflow_nowhere() -> None:
    far = np.asarray([-1e4, 1e4])
    for name in LEAF_NAMES:
        assert np.isfinite(values(parse(name), far)).all(), name
        assert np.isfinite(slopes(parse(name), far)).all(), name
