"""The text of an expression: what a user types, and LaTeX.

Constants have at most four significant digits and six decimals, and never an exponent.
"""

from itertools import groupby
from typing import assert_never

from state.genome.expression import Add, Compose, Expression, Leaf, LeafName, Mul, Scale
from state.genome.learnable import FamilyName


def format_constant(value: float) -> str:
    """Shortest positional decimal of a constant, at most six decimals."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def format_expression(expression: Expression) -> str:
    """The formula; of a canonical tree it is the canonical text."""
    match expression:
        case Leaf("identity"):
            return "x"
        case Leaf(name):
            return f"{name}(x)"
        case Scale(factor, inner):
            return _coefficient(factor, "*") + _factor(inner)
        case Add(terms):
            return _joined([format_expression(term) for term in terms])
        case Mul(factors):
            return "*".join(_factor(factor) for factor in factors)
        case Compose(outer, inner):
            return f"{outer}({format_expression(inner)})"
        case _:
            assert_never(expression)


def _coefficient(factor: float, times: str) -> str:
    return "-" if factor == -1 else format_constant(factor) + times


def _joined(terms: list[str]) -> str:
    signed = (f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in terms[1:])
    return terms[0] + "".join(signed)


def _factor(expression: Expression) -> str:
    text = format_expression(expression)
    return f"({text})" if isinstance(expression, Add | Scale) else text


def latex_expression(expression: Expression, variable: str = "x") -> str:
    """LaTeX of an expression in `variable`; repeated factors become powers."""
    match expression:
        case Leaf(name):
            return _latex_call(name, variable)
        case Scale(factor, inner):
            return _coefficient(factor, r"\,") + _latex_factor(inner, variable)
        case Add(terms):
            return _joined([latex_expression(term, variable) for term in terms])
        case Mul(factors):
            runs = [(factor, len(list(run))) for factor, run in groupby(factors)]
            return r"\,".join(_latex_power(factor, count, variable) for factor, count in runs)
        case Compose(outer, inner):
            return _latex_call(outer, latex_expression(inner, variable))
        case _:
            assert_never(expression)


def latex_family(name: FamilyName, variable: str = "x") -> str:
    """LaTeX of a learnable family; c is the neuron where it has coefficients of its own."""
    x = variable
    match name:
        case "universal":
            return rf"\alpha_{{c}}\,{_latex_call('silu', x)} + \beta_{{c}}\,{x}"
        case "blend":
            leaves = [_latex_call(leaf, x) for leaf in ("silu", "relu", "gelu")]
            parts = enumerate([*leaves, x, f"{x}^{{2}}"], 1)
            return " + ".join(rf"w_{{{index},c}}\,{part}" for index, part in parts)
        case "spline":
            return rf"\sum_{{i=1}}^{{16}} p_{{i}}\,B_{{i,3}}\left({x}\right)"
        case "rational":
            above = rf"a_{{0}} + a_{{1}}\,{x} + a_{{2}}\,{x}^{{2}} + a_{{3}}\,{x}^{{3}}"
            below = rf"1 + \left|b_{{1}}\,{x} + b_{{2}}\,{x}^{{2}}\right|"
            return rf"\frac{{{above}}}{{{below}}}"
        case _:
            assert_never(name)


def _latex_power(factor: Expression, exponent: int, variable: str) -> str:
    base = _latex_factor(factor, variable)
    return base if exponent == 1 else f"{base}^{{{exponent}}}"


def _latex_factor(expression: Expression, variable: str) -> str:
    text = latex_expression(expression, variable)
    return rf"\left({text}\right)" if isinstance(expression, Add | Scale) else text


def _latex_call(name: LeafName, argument: str) -> str:
    bracketed = rf"\left({argument}\right)"
    match name:
        case "identity":
            return argument
        case "square":
            return f"{bracketed}^{{2}}"
        case "abs":
            return rf"\left|{argument}\right|"
        case "sigmoid":
            return rf"\sigma{bracketed}"
        case "tanh" | "sin":
            return rf"\{name}{bracketed}"
        case "silu" | "gelu" | "relu" | "leaky_relu":
            return rf"\operatorname{{{_LATEX_NAMES[name]}}}{bracketed}"
        case _:
            assert_never(name)


_LATEX_NAMES = {"silu": "SiLU", "gelu": "GELU", "relu": "ReLU", "leaky_relu": "LeakyReLU"}
