"""Any text is an activation in canonical form or is refused with one line."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from state.genome import LEAF_NAMES, display_name, latex, parse, static_cost, values
from state.genome.names import ALIASES, GATED, POWERS
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import texts
from tests.fuzz.program import Verdict, call, verdict

NAMES = (*LEAF_NAMES, *ALIASES, *GATED, *POWERS, "x", "glu")
POINTS = np.linspace(-3.0, 3.0, 5)
PIECES = (*NAMES, "eval", "X", "(", ")", "+", "-", "*", "^", "**", "/", ",", ".", " ", "2", "0.5")


def parsed(text: str) -> Verdict:
    """What is accepted is its own canonical form, and everything that is said of it can be said."""
    try:
        genome = parse(text)
    except ValueError as error:
        line = str(error)
        assert line.isprintable()
        assert line.isascii()
        assert len(line) < 700, line
        return "refused"
    assert parse(genome.formula) == genome
    assert genome.formula.isascii()
    assert values(genome, POINTS).shape == POINTS.shape
    assert static_cost(genome).operations >= 0
    assert display_name(genome)
    assert latex(genome)
    return "accepted"


def sums() -> SearchStrategy[str]:
    """Formulas that follow the grammar, large and small, with constants out of every range."""
    constants = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str)
    leaves = st.sampled_from(NAMES) | constants

    def larger(inner: SearchStrategy[str]) -> SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from((" + ", "-", "*", " * ")), inner)
        return st.one_of(
            pairs.map("".join),
            st.tuples(st.sampled_from(NAMES), inner).map(lambda two: f"{two[0]}({two[1]})"),
            inner.map(lambda one: f"({one})"),
            st.tuples(inner, st.integers(-2, 99)).map(lambda two: f"{two[0]}^{two[1]}"),
            inner.map(lambda one: f"-{one}"),
        )

    return st.recursive(leaves, larger, max_leaves=25)


def test_a_formula_of_the_grammar_is_canonical_or_refused(fuzz: Fuzz) -> None:
    fuzz(sums(), parsed, share=0.3)


def test_pieces_of_formulas_are_canonical_or_refused(fuzz: Fuzz) -> None:
    fuzz(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), parsed, share=0.3)


def test_any_text_is_a_formula_or_refused(fuzz: Fuzz) -> None:
    fuzz(texts(200) | st.text(max_size=1100), parsed, share=0.2)


def test_a_control_is_a_formula_or_refused(fuzz: Fuzz) -> None:
    def check(text: str) -> Verdict:
        return verdict(call("plan", "--no-probe", "--data", __file__, f"--control={text}"))

    fuzz(sums() | texts(), check, share=0.2)
