"""The text of an expression: what a user types.

Constants have at most four significant digits and six decimals, and never an exponent.
"""

from typing import assert_never

from state.genome.expression import Add, Compose, Expression, Leaf, Mul, Scale


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
            return coefficient(factor, "*") + _factor(inner)
        case Add(terms):
            return joined([format_expression(term) for term in terms])
        case Mul(factors):
            return "*".join(_factor(factor) for factor in factors)
        case Compose(outer, inner):
            return f"{outer}({format_expression(inner)})"
        case _:
            assert_never(expression)


def coefficient(factor: float, times: str) -> str:
    """A factor before what it multiplies; -1 is a sign alone."""
    return "-" if factor == -1 else format_constant(factor) + times


def joined(terms: list[str]) -> str:
    """A sum of terms, each with its sign."""
    signed = (f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in terms[1:])
    return terms[0] + "".join(signed)


def _factor(expression: Expression) -> str:
    text = format_expression(expression)
    return f"({text})" if isinstance(expression, Add | Scale) else text
