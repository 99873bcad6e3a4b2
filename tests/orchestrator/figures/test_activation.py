"""Curves of activations."""

import pytest

from orchestrator.figures.activation import MAX_NAMED, activation_figure
from orchestrator.figures.style import NothingToDraw
from state.genome import parse
from state.records import Genome


def names(*formulas: str) -> list[str]:
    figure = activation_figure([(one, Genome(formula=one)) for one in formulas])
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_an_own_curve_is_not_drawn_again_among_the_known_ones() -> None:
    assert names("silu(x)") == ["silu(x)", "gelu", "relu", "tanh"]
    assert names("glu(silu(x))") == ["glu(silu(x))", "gelu", "relu", "tanh"]
    assert names("x*x") == ["x*x", "gelu", "silu", "relu", "tanh"]


def test_a_formula_that_nobody_can_read_costs_its_curve_only() -> None:
    assert names("<script>", "x") == ["x", "gelu", "silu", "relu", "tanh"]
    with pytest.raises(NothingToDraw, match="give at least one formula"):
        names("<script>")


def test_of_forty_curves_the_first_are_named_and_the_others_counted() -> None:
    shown = names(*(f"0.{number}*silu(x)" for number in range(11, 51)))
    assert shown[:MAX_NAMED] == [f"0.{number}*silu(x)" for number in range(11, 11 + MAX_NAMED)]
    assert shown[MAX_NAMED] == f"and {40 - MAX_NAMED} more"


def test_a_curve_that_overflows_leaves_a_picture_of_readable_height() -> None:
    figure = activation_figure([("steep", parse("x*x*x*x"))])
    low, high = figure.axes[0].get_ylim()
    assert -4 < low < 0 < high < 6


def test_the_slope_is_left_out_on_demand() -> None:
    genome = [("x", parse("x"))]
    assert len(activation_figure(genome).axes) == 2
    assert len(activation_figure(genome, derivative=False).axes) == 1
