"""The canonical form of an expression, by rewrites that hold for every real x.

An expression becomes a sum of products with exact rational coefficients. Sums are flattened and
like terms merge; products are flattened, ordered, and their constants move to the front. A product
is not multiplied out over a sum: (f + g)*h keeps its factors. Two equal functions may therefore
still have two forms (x*sigmoid(x) and silu(x)); `state.genome.fingerprint` tells those.
Coefficients are rounded once, where a sum is finished, so the grouping of operands cannot show.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, assert_never

from state.genome.expression import (
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Scale,
    X,
    num_nodes,
)
from state.genome.formatting import format_expression
from state.genome.products import absorb, sign_of_product

MAX_CONSTANT = 1_000_000.0
MAX_NODES = 64
Product: TypeAlias = tuple[Expression, ...]
Terms: TypeAlias = dict[Product, Fraction]
"""A sum: coefficient of each product of ordered factors, none of them Scale or Mul."""

_HOMOGENEOUS = ("relu", "leaky_relu", "abs")
_ODD = ("tanh", "sin", "abs")


@lru_cache(maxsize=8192)
def canonical(expression: Expression) -> Expression:
    """The canonical form: same function up to the rounding of constants to four digits.

    Raises:
        ValueError: the expression is zero or a constant, a constant in it exceeds 1e6, or the
            form has more than 64 nodes.
    """
    terms = _settled(_terms(expression))
    if not terms:
        raise ValueError(_refusal(expression, "zero everywhere"))
    tree = _expression(terms)
    _require_nodes(num_nodes(tree))
    return tree


def round_constant(value: Fraction | float) -> float:
    """Four significant digits and at most six decimals."""
    return float(f"{float(f'{float(value):.4g}'):.6f}")


def _terms(expression: Expression) -> Terms:
    match expression:
        case Leaf("square"):
            return {(X, X): Fraction(1)}
        case Leaf():
            return {(expression,): Fraction(1)}
        case Scale(factor, inner):
            return _scaled(_terms(inner), Fraction(str(factor)))
        case Add(parts):
            return _sum(_terms(part) for part in parts)
        case Mul(parts):
            return _product([_terms(part) for part in parts])
        case Compose(outer, inner):
            return _compose(outer, _settled(_terms(inner)), expression)
        case _:
            assert_never(expression)


def _scaled(terms: Terms, factor: Fraction) -> Terms:
    return {product: factor * value for product, value in terms.items() if factor}


def _sum(parts: Iterable[Terms]) -> Terms:
    total: Terms = {}
    for terms in parts:
        for product, value in terms.items():
            total[product] = total.get(product, Fraction(0)) + value
    return {product: value for product, value in total.items() if value}


def _product(parts: list[Terms]) -> Terms:
    if len(parts) == 1:
        return parts[0]
    split = [_split(terms) for terms in parts]
    coefficient = Fraction(1)
    factors: list[Expression] = []
    for value, some in split:
        coefficient *= value
        factors += some
        _require_nodes(len(factors))
    if not coefficient:
        return {}
    return {tuple(sorted(absorb(factors), key=_factor_key)): coefficient}


def _split(terms: Terms) -> tuple[Fraction, Product]:
    """A sum as one coefficient and the factors beside it."""
    if len(terms) > 1:
        terms = _settled(terms)
    if not terms:
        return Fraction(0), ()
    content, rest = _without_content(terms)
    if len(rest) == 1:
        return content, next(iter(rest))
    return content, (_expression(rest),)


def _without_content(terms: Terms) -> tuple[Fraction, Terms]:
    """Takes out the sign of the leading term, and the common size if all have the same."""
    leading = terms[min(terms, key=_term_key)]
    content = Fraction(1 if leading > 0 else -1)
    if len({abs(value) for value in terms.values()}) == 1:
        content = leading
    return content, _scaled(terms, 1 / content)


def _compose(outer: LeafName, inner: Terms, whole: Expression) -> Terms:
    """`outer` of a settled sum, with every constant that may leave it outside."""
    if not inner:
        if outer == "sigmoid":
            raise ValueError(_refusal(whole, "constant in part"))
        return {}
    if outer == "identity":
        return inner
    if outer == "square":
        return _product([inner, inner])
    outside, inner = _outside(outer, inner)
    if outer in _HOMOGENEOUS and (sign := _sign(inner)):
        return _scaled(inner, outside * _slope(outer, sign))
    return {(_call(outer, _expression(inner)),): outside}


def _outside(outer: LeafName, inner: Terms) -> tuple[Fraction, Terms]:
    """Constant that leaves `outer`: sizes leave relu, leaky_relu and abs, signs tanh and sin."""
    content, _ = _without_content(inner)
    size = abs(content) if outer in _HOMOGENEOUS else Fraction(1)
    sign = content / abs(content) if outer in _ODD else Fraction(1)
    leaving = size if outer == "abs" else size * sign
    return leaving, _scaled(inner, 1 / (size * sign))


def _slope(outer: LeafName, sign: int) -> Fraction:
    """Slope of a piecewise linear leaf on one side of zero."""
    if sign > 0:
        return Fraction(1)
    return {"relu": Fraction(0), "leaky_relu": Fraction(1, 100)}.get(outer, Fraction(-1))


def _sign(terms: Terms) -> int:
    """1 when the sum is never negative, -1 when never positive, 0 when unknown."""
    signs = {
        sign_of_product(product) * (1 if value > 0 else -1) for product, value in terms.items()
    }
    return signs.pop() if len(signs) == 1 else 0


def _call(outer: LeafName, inner: Expression) -> Expression:
    if inner == X:
        return Leaf(outer)
    match outer, inner:
        case "relu", Leaf("leaky_relu"):
            return Leaf("relu")
        case "relu", Compose("leaky_relu", innermost):
            return _call("relu", innermost)
        case _:
            return Compose(outer, inner)


def _settled(terms: Terms) -> Terms:
    """Coefficients as they will be printed; what rounds to zero is gone."""
    rounded = {}
    for product, value in terms.items():
        if abs(value) > MAX_CONSTANT:
            raise ValueError(
                f"a constant of {float(value):.3g} in an activation exceeds {MAX_CONSTANT:.0f}; "
                "use smaller constants"
            )
        if constant := round_constant(value):
            rounded[product] = Fraction(str(constant))
    return rounded


def _expression(terms: Terms) -> Expression:
    ordered = sorted(terms.items(), key=lambda item: _term_key(item[0]))
    parts = [_term(product, value) for product, value in ordered]
    return parts[0] if len(parts) == 1 else Add(tuple(parts))


def _term(product: Product, value: Fraction) -> Expression:
    body = product[0] if len(product) == 1 else Mul(product)
    return body if value == 1 else Scale(float(value), body)


def _factor_key(factor: Expression) -> tuple[int, str]:
    rank = 0 if factor == X else 1 if isinstance(factor, Leaf) else 2
    return rank, format_expression(factor)


def _term_key(product: Product) -> tuple[int, bool, tuple[tuple[int, str], ...]]:
    """Long products first, x last."""
    return -len(product), product == (X,), tuple(_factor_key(factor) for factor in product)


def _require_nodes(nodes: int) -> None:
    if nodes > MAX_NODES:
        raise ValueError(
            f"an activation of {nodes} nodes exceeds {MAX_NODES}; simplify the formula"
        )


def _refusal(expression: Expression, what: str) -> str:
    return f"{format_expression(expression)[:80]!r} is {what}; use an activation that varies with x"
