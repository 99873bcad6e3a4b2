"""What a user may type, and what is said when it is wrong."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import LEAF_NAMES, Leaf, display_name, expression, is_gated, latex, parse
from state.genome.tokens import MAX_CHARS
from state.records import Genome

ACCEPTED = {
    "0.8*silu(x)*relu(x) + 0.2*x": "0.8*relu(x)*silu(x) + 0.2*x",
    "silu(gelu(x))": "silu(gelu(x))",
    "-0.3*tanh(x) + x": "-0.3*tanh(x) + x",
    "glu(silu(x))": "glu(silu(x))",
    " glu( 0.5*silu + x ) ": "glu(0.5*silu(x) + x)",
    "gelu": "gelu(x)",
    "swish(x)": "silu(x)",
    "relu2": "relu(x)*relu(x)",
    "leaky_relu2": "leaky_relu(x)*leaky_relu(x)",
    "relu2(silu(x))": "relu(silu(x))*relu(silu(x))",
    "swiglu": "glu(silu(x))",
    "geglu(x)": "glu(gelu(x))",
    "reglu": "glu(relu(x))",
    "bilinear": "glu(x)",
    "relu(x)^2": "relu(x)*relu(x)",
    "relu(x)**2": "relu(x)*relu(x)",
    "-x^2": "-x*x",
    "x - silu(x)": "-silu(x) + x",
    "x - -silu(x)": "silu(x) + x",
    "(1 - 0.3)*x + 2^2*relu": "4*relu(x) + 0.7*x",
    ".5*x": "0.5*x",
    "1e-3*x": "0.001*x",
    "identity": "x",
    "square(x)": "x*x",
}


@pytest.mark.parametrize(("typed", "formula"), ACCEPTED.items())
def test_what_is_typed_becomes_canonical_text(typed: str, formula: str) -> None:
    assert parse(typed).formula == formula
    assert parse(formula) == parse(typed)


REFUSED = {
    "sillu(x)": r"'sillu' at column 1 in 'sillu\(x\)' is no activation; did you mean silu[?]",
    "x + gellu": "'gellu' at column 5 .*; did you mean gelu or geglu[?]",
    "nan": "'nan' at column 1 .* is no activation",
    "inf*x": "'inf' at column 1 .* is no activation",
    "zzz": "'zzz' .* is no activation; use x or silu, gelu",
    "": "'' is no activation: it is empty; write one such as gelu",
    " \n": "it is empty",
    "x + 1": "begins a sum with a constant term; constants may only multiply",
    "3.5": "makes a constant; use an activation that varies with x",
    "silu(2)": "'silu' at column 1 .* has a constant argument; let it depend on x",
    "silu(x": r"the end at column 7 .* stands where '\)' should; close the parenthesis",
    "silu(x))": r"'\)' at column 8 .* is not expected here; join parts",
    "2x": "'x' at column 2 .* is not expected here; join parts",
    "x(2)": r"'\(' at column 2 .* is not expected here",
    "x*": "the end at column 3 .* stands where a number, x or a name",
    "x/2": "'/' at column 2 .* is not understood; use ASCII letters",
    "x^9": "'9' at column 3 .* is no exponent; use a whole number from 1 to 8",
    "x^0": "'0' at column 3 .* is no exponent",
    "x^x": "'x' at column 3 .* is no exponent",
    "x^1.5": "'1.5' at column 3 .* is no exponent",
    "((x^8)^8)^8": "makes more than 64 nodes; simplify the formula",
    "square(" * 30 + "x" + ")" * 30: "exceeds 64|more than 64",
    "(" * 60 + "x" + ")" * 60: "is nested deeper than 40; simplify",
    "1e999*x": "'1e999' at column 1 .* is too large; use 0.000001 to 1000000",
    "1e7*x": "makes a constant of 1e.07; use 0.000001 to 1000000",
    "1e-9*x": "makes a constant of 1e-09",
    "1e6*x*1e6": "makes a constant of 1e.12",
    "1e6*(1e6*x + silu)": "exceeds 1000000; use smaller constants",
    "x" * 2000: "has 2000 characters, more than 1000; shorten it",
    "silu(x)\u00d72": r"'\\xd7' at column 8 .* is not understood",
    "glu": "'glu' at column 1 .* has no argument; write one, such as glu",
    "2*glu(x)": "'glu' at column 3 .* may only stand outermost",
    "glu(x) + x": "'.' at column 8 .* put the whole formula inside glu",
    "glu(glu(x))": "may only stand outermost",
    "glu(2)": "makes a constant",
    "swiglu(silu(x))": r"takes no argument but x; write glu\(silu\(\.\.\.\)\)",
    "sigmoid(x - x)": "is constant in part",
    "sigmoid(x) + sigmoid(-x)": "is constant; use an activation that varies with x",
    "relu(x) - relu(-x) - x": "is constant; use an activation that varies with x",
    "__import__('os')": "at column 1[0-9] .* is not understood",
}


@pytest.mark.parametrize(("typed", "message"), REFUSED.items())
def test_a_wrong_formula_is_refused_with_its_fault_on_one_line(typed: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(typed)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 250


PIECES = ["x", "silu", "relu2", "glu", "(", ")", "+", "-", "*", "^", "**", "2", "0.5", "1e9", " "]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@settings(max_examples=800, deadline=None)
def test_any_text_is_a_genome_that_reads_back_or_one_line_of_error(text: str) -> None:
    try:
        genome = parse(text)
    except ValueError as error:
        message = str(error)
    else:
        message = "none; none"
        assert parse(genome.formula) == genome
    assert re.fullmatch(r"[^\n\r]+; [^\n\r]+", message)


def test_the_longest_canonical_text_is_short_enough_to_be_read() -> None:
    terms = [f"0.00012{i}*leaky_relu({'sin(' * i}leaky_relu(x){')' * i})" for i in range(4)]
    terms += [f"123.{i}*leaky_relu(x)*sigmoid({i + 2}*x)" for i in range(4)]
    formula = parse(" + ".join(terms)).formula
    assert len(formula) < MAX_CHARS
    assert parse(formula).formula == formula


@pytest.mark.parametrize(
    "name",
    ["gelu", "silu", "relu2", "leaky_relu2", "swiglu", "geglu", "reglu", "bilinear", *LEAF_NAMES],
)
def test_a_named_activation_keeps_its_name(name: str) -> None:
    assert display_name(parse(name)) == name


def test_an_activation_without_a_name_is_shown_by_its_formula() -> None:
    assert display_name(parse("x + x + silu(x)")) == "silu(x) + 2*x"


def test_a_gated_genome_has_the_expression_of_its_activation() -> None:
    genome = parse("swiglu")
    assert is_gated(genome)
    assert expression(genome) == Leaf("silu")
    assert not is_gated(parse("silu"))


def test_a_genome_from_a_file_need_not_be_canonical_to_be_understood() -> None:
    assert expression(Genome(formula="x + silu(x)")) == expression(parse("silu(x) + x"))


def test_latex_writes_powers_and_gates() -> None:
    assert latex(parse("0.5*relu(x)^2 - abs(x)")) == (
        r"0.5\,\operatorname{ReLU}\left(x\right)^{2} - \left|x\right|"
    )
    assert latex(parse("swiglu")) == r"\operatorname{SiLU}\left(g\right) \odot u"
    assert latex(parse("glu(silu(x) + x)")) == (
        r"\left(\operatorname{SiLU}\left(g\right) + g\right) \odot u"
    )
