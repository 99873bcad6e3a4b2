"""Which activations are the same, and how far apart the others are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.genome import distance, fingerprint, is_known, parse, same
from state.records import Genome

FORMULAS = ["gelu", "silu", "relu", "tanh", "relu2", "x", "0.8*silu(x) + 0.2*x", "swiglu"]
GENOMES = st.sampled_from([parse(formula) for formula in FORMULAS])


def test_two_formulas_of_one_function_are_the_same() -> None:
    assert same(parse("x*sigmoid(x)"), parse("silu(x)"))
    assert same(parse("0.5*x + 0.5*abs(x)"), parse("relu(x)"))


def test_a_gate_makes_a_different_genome() -> None:
    assert not same(parse("silu"), parse("swiglu"))
    assert not is_known(parse("silu"), [parse("swiglu")])
    assert distance(parse("silu"), parse("swiglu")) == pytest.approx(1.0)


def test_the_tolerance_is_an_rms_of_a_thousandth() -> None:
    # The RMS of c*x under N(0, 1) is c.
    assert same(parse("x"), parse("1.0009*x + 0.00001*x"))
    assert not same(parse("x"), parse("1.001*x + 0.00001*tanh(x)"))
    assert same(parse("x"), parse("x + 0.000995*x"))
    assert not same(parse("x"), parse("1.002*x"))


def test_a_known_genome_is_found_among_many() -> None:
    known = [parse(f"silu(x) + {i}*x") for i in range(1, 200)]
    assert is_known(parse("silu(x) + 57.0001*x"), known)
    assert not is_known(parse("silu(x) + 57.5*x"), known)
    assert not is_known(parse("silu"), [])


@given(GENOMES, st.lists(GENOMES, max_size=5))
def test_is_known_agrees_with_same(genome: Genome, known: list[Genome]) -> None:
    assert is_known(genome, known) == any(same(genome, other) for other in known)


@given(GENOMES, GENOMES)
def test_distance_is_symmetric_and_zero_for_the_same(a: Genome, b: Genome) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)


def test_distance_has_the_closed_form_of_scaled_identities() -> None:
    assert distance(parse("x"), parse("4*x")) == pytest.approx(1.5)
    assert distance(parse("0.01*x"), parse("0.04*x")) == pytest.approx(1.5)


def test_distance_follows_shape() -> None:
    gelu, silu, square = parse("gelu"), parse("silu"), parse("square")
    assert distance(gelu, silu) < distance(gelu, parse("tanh")) < distance(gelu, square)


def test_the_quadrature_has_the_moments_of_the_normal_distribution() -> None:
    # E x^2 = 1 and E x^4 = 3: the RMS of x - 0 and of x*x.
    assert distance(parse("x"), parse("2*x")) == pytest.approx(1 / np.sqrt(2), rel=1e-6)
    ratio = distance(parse("x*x"), parse("x*x + 0.01*x")) * np.sqrt(3) / 0.01
    assert ratio == pytest.approx(1.0, rel=1e-3)


def test_a_fingerprint_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        fingerprint(parse("gelu")).values[0] = 1.0
