"""The LaTeX of a formula says what the formula computes."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import (
    LEAF_NAMES,
    Add,
    Compose,
    Expression,
    Leaf,
    Mul,
    Scale,
    expression,
    initial_coefficients,
    initial_expression,
    latex,
    parse,
)
from state.genome.evaluation import Array, evaluate
from state.genome.expression import LeafName, subtrees
from state.genome.latex import (
    activation_latex,
    definitions,
    functions,
    latex_expression,
    layer,
)
from state.genome.learnable import constants
from state.genome.learnable_curves import spline

X = np.linspace(-2.0, 2.0, 41)
TOKEN = re.compile(
    r"\\left[(|]|\\right[)|]|\\operatorname\{\w+\}|\\[a-z]+|\\,|\^\{\d+\}|c_\{\d+\}|[\d.]+|[-+xg]"
)
COMMANDS: dict[str, LeafName] = {
    r"\operatorname{SiLU}": "silu",
    r"\operatorname{GELU}": "gelu",
    r"\operatorname{ReLU}": "relu",
    r"\operatorname{LeakyReLU}": "leaky_relu",
    r"\sigma": "sigmoid",
    r"\tanh": "tanh",
    r"\sin": "sin",
}


class Reader:
    """Evaluates LaTeX by the rules that a person reads it by."""

    def __init__(self, text: str, x: Array, trained: tuple[float, ...] = ()) -> None:
        self.tokens = TOKEN.findall(text)
        assert "".join(self.tokens) == text.replace(" ", "")
        self.x, self.trained = x, trained

    def value(self) -> Array:
        with np.errstate(all="ignore"):
            total = self.sum()
        assert not self.tokens, "something is left over"
        return total

    def take(self, *expected: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in expected else None

    def sum(self) -> Array:
        total = -self.product() if self.take("-") else self.product()
        while sign := self.take("+", "-"):
            total = total + (1 if sign == "+" else -1) * self.product()
        return total

    def product(self) -> Array:
        total = self.power()
        while self.take("\\,"):
            total = total * self.power()
        return total

    def power(self) -> Array:
        base = self.atom()
        if self.tokens and self.tokens[0].startswith("^"):
            return base ** int(self.tokens.pop(0)[2:-1])
        return base

    def atom(self) -> Array:
        token = self.tokens.pop(0)
        if token in "xg":
            return self.x
        if token.startswith("c_"):
            return np.full_like(self.x, self.trained[int(token[3:-1]) - 1])
        if token in (r"\left(", r"\left|"):
            inner = self.sum()
            assert self.take(r"\right)" if token == r"\left(" else r"\right|")
            return np.abs(inner) if token == r"\left|" else inner
        if token in COMMANDS:
            assert self.take(r"\left(")
            inner = self.sum()
            assert self.take(r"\right)")
            return evaluate(Leaf(COMMANDS[token]), inner)[0]
        return np.full_like(self.x, float(token))


factors = st.floats(-3, 3).map(lambda value: round(value, 4)).filter(bool)
trees: st.SearchStrategy[Expression] = st.recursive(
    st.sampled_from(LEAF_NAMES).map(Leaf),
    lambda inner: st.one_of(
        st.builds(Scale, factors, inner),
        st.builds(Compose, st.sampled_from(LEAF_NAMES), inner),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Add),
        st.lists(inner, min_size=2, max_size=3).map(tuple).map(Mul),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_latex_reads_back_as_the_same_function(tree: Expression) -> None:
    """Trees of any shape, the ones that no genome has among them."""
    expected = evaluate(tree, X)[0]
    np.testing.assert_allclose(
        Reader(latex_expression(tree), X).value(), expected, rtol=1e-6, atol=1e-6
    )


@settings(max_examples=100, deadline=None)
@given(trees, st.sampled_from(["x", "g"]))
def test_braces_balance_and_every_named_leaf_appears(tree: Expression, variable: str) -> None:
    text = latex_expression(tree, variable)
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    assert "^{2}^{" not in text
    shown = {name: command for command, name in COMMANDS.items()} | {"abs": r"\left|"}
    assert all(shown.get(name, variable) in text for name in names(tree))


def names(tree: Expression) -> Iterator[LeafName]:
    for _, node in subtrees(tree):
        if isinstance(node, Leaf):
            yield node.name
        elif isinstance(node, Compose):
            yield node.outer


@pytest.mark.parametrize(
    "formula",
    ["0.5*relu(x)^2 - abs(x)", "silu(gelu(x) - 0.3*x)^3*x", "-sin(-tanh(x)*sigmoid(x))*x*x"],
)
def test_the_latex_of_a_genome_is_its_formula(formula: str) -> None:
    genome = parse(formula)
    expected = evaluate(expression(genome), X)[0]
    np.testing.assert_allclose(Reader(latex(genome), X).value(), expected, rtol=1e-9, atol=1e-12)
    gated = parse(f"glu({formula})")
    assert activation_latex(gated) == latex(genome).replace("x", "g")
    inside = latex(gated).removesuffix(r" \odot u")
    np.testing.assert_allclose(Reader(inside, X).value(), expected, rtol=1e-9, atol=1e-12)


def test_trained_constants_stand_as_names_in_the_order_of_their_values() -> None:
    genome = parse("learned(0.8*silu(x)*(relu(x) - 0.3*x) + 0.2*x)")
    text = activation_latex(genome)
    assert text == (
        r"c_{1}\,\operatorname{SiLU}\left(x\right)\,\left(\operatorname{ReLU}\left(x\right) "
        r"+ c_{2}\,x\right) + c_{3}\,x"
    )
    start = initial_coefficients(genome)
    assert start == tuple(part.factor for part in constants(initial_expression(genome)))
    expected = evaluate(initial_expression(genome), X)[0]
    np.testing.assert_allclose(Reader(text, X, start).value(), expected, rtol=1e-9)


def test_what_a_formula_names_is_defined_and_nothing_else() -> None:
    genome = parse("0.8*silu(leaky_relu(x)) + 0.2*tanh(x)")
    assert functions(genome) == ("silu", "tanh", "leaky_relu")
    assert [text.split(r"\left(")[0] for text in definitions(genome)] == [
        r"\operatorname{SiLU}",
        r"\operatorname{LeakyReLU}",
    ]
    assert functions(parse("glu(blend)")) == ("silu", "gelu", "relu")
    assert definitions(parse("rational")) == definitions(parse("x")) == ()


def test_the_spline_that_is_defined_is_the_spline_that_is_computed() -> None:
    """The closed form of the definition, in numpy."""

    def beta(t: Array) -> Array:
        def cubed(limit: int) -> Array:
            return np.asarray(np.maximum(0, limit - np.abs(t)) ** 3)

        return (cubed(2) - 4 * cubed(1)) / 6

    points = tuple(np.random.default_rng(3).normal(size=16).tolist())
    z = np.linspace(-6, 6, 97)
    total = sum(p * beta(13 / 12 * (z + 6) - i + 2) for i, p in enumerate(points, 1))
    np.testing.assert_allclose(total, spline(points, z)[0], atol=1e-12)
    first, second = definitions(parse("spline"))
    assert r"\frac{13}{12}\,\left(z + 6\right) - i + 2" in first
    assert second.startswith(r"\beta\left(t\right) = \frac{1}{6}\,\left(\max\left(0, 2")


def test_a_gated_layer_has_an_up_path_and_a_plain_one_has_none() -> None:
    assert r"\odot u" in layer(parse("swiglu"))
    assert r"W_{\text{up}}" not in layer(parse("silu"))
