"""The activation for people."""

import re

import pytest

from orchestrator.export.formula_files import drawings, formula_latex, formula_text
from state.genome import parse


def test_the_text_begins_with_what_the_activation_flag_takes() -> None:
    for typed in ("swiglu", "0.8*silu(x)*relu(x) + 0.2*x", "learned(0.5*silu + x)"):
        genome = parse(typed)
        first = formula_text(genome, ()).splitlines()[0]
        assert parse(first) == genome


def test_the_text_explains_every_function_that_it_names() -> None:
    text = formula_text(parse("glu(0.8*leaky_relu(gelu(x)))"), ())
    assert "gelu(z) = z/2 * (1 + erf(z / sqrt(2)))" in text
    assert "leaky_relu(z) = max(z, 0.01*z)" in text
    assert "\nrelu(z)" not in text
    assert "W_up" in text
    assert "Known as" not in text
    assert "Known as swiglu." in formula_text(parse("swiglu"), ())


def test_what_was_trained_is_listed_by_layer() -> None:
    learnt = ((0.75, -0.1, 0.25), (0.5, 0.125, 1.5))
    genome = parse("learned(0.8*silu(x)*(relu(x) - 0.3*x) + 0.2*x)")
    text = formula_text(genome, learnt)
    assert "c2 in -0.3*x, c3 in 0.2*x" in text
    assert "layer 1: 0.75 -0.1 0.25\nlayer 2: 0.5 0.125 1.5\n" in text
    assert "% layer 2: 0.5 0.125 1.5" in formula_latex(genome, learnt)
    assert "these are their means" in formula_text(parse("universal"), ((1.0, 0.0),))


@pytest.mark.parametrize("typed", ["swiglu", "spline", "glu(blend)", "rational", "abs(x)^2 - sin"])
def test_the_latex_is_one_aligned_block_with_comments_around_it(typed: str) -> None:
    genome = parse(typed)
    lines = formula_latex(genome, ()).splitlines()
    start, end = lines.index(r"\begin{align*}"), lines.index(r"\end{align*}")
    body = lines[start + 1 : end]
    assert all(line.startswith("%") for line in lines[:start] + lines[end + 1 :])
    assert all(line.count("&") == 1 for line in body)
    assert [line.endswith(r"\\") for line in body] == [True] * (len(body) - 1) + [False]
    assert re.match(r"  f\\left\([xg]\\right\) &= ", body[1])


def test_the_drawing_is_a_picture_of_either_kind_and_the_same_each_time() -> None:
    found = drawings(parse("glu(rational)"))
    assert found["activation.png"].startswith(b"\x89PNG\r\n")
    assert found["activation.svg"].startswith(b"<svg")
    assert b"before training" in found["activation.svg"]
    assert found == drawings(parse("glu(rational)"))
