"""What is known about products of piecewise linear factors, for every real argument."""

from collections import Counter
from collections.abc import Iterable
from typing import assert_never

from state.genome.expression import Add, Compose, Expression, Leaf, LeafName, Mul, Scale, X

_NEVER_NEGATIVE = ("relu", "abs", "sigmoid", "square")


def absorb(factors: Iterable[Expression]) -> list[Expression]:
    """Rewrites f*relu(f), abs(f)*relu(f), leaky_relu(f)*relu(f) to relu(f)^2, abs(f)^2 to f^2."""
    counts = Counter(factors)
    while _absorb_once(counts):
        pass
    return list(counts.elements())


def _absorb_once(counts: Counter[Expression]) -> bool:
    for factor in list(counts):
        inner = _argument(factor, "relu")
        if inner is not None and _into_relu(counts, factor, inner):
            return True
        inner = _argument(factor, "abs")
        if inner is not None and counts[factor] >= 2:
            _square_of_abs(counts, factor, inner)
            return True
    return False


def _into_relu(counts: Counter[Expression], relu: Expression, inner: Expression) -> bool:
    absorbed = 0
    for same_above_zero in (inner, _apply("abs", inner), _apply("leaky_relu", inner)):
        absorbed += counts.pop(same_above_zero, 0)
    counts[relu] += absorbed
    return absorbed > 0


def _square_of_abs(counts: Counter[Expression], factor: Expression, inner: Expression) -> None:
    pairs, counts[factor] = divmod(counts[factor], 2)
    if not counts[factor]:
        del counts[factor]
    for part in inner.factors if isinstance(inner, Mul) else (inner,):
        counts[part] += 2 * pairs


def _argument(factor: Expression, name: LeafName) -> Expression | None:
    """The f of name(f), or None when the factor is no such call."""
    match factor:
        case Leaf(leaf) if leaf == name:
            return X
        case Compose(outer, inner) if outer == name:
            return inner
        case _:
            return None


def _apply(name: LeafName, inner: Expression) -> Expression:
    return Leaf(name) if inner == X else Compose(name, inner)


def sign_of_product(factors: Iterable[Expression]) -> int:
    """1 when the product is never negative, -1 when never positive, 0 when unknown."""
    sign = 1
    for factor, count in Counter(factors).items():
        if count % 2:
            sign *= _sign(factor)
    return sign


def _sign(expression: Expression) -> int:
    match expression:
        case Leaf(name) | Compose(name, _):
            return int(name in _NEVER_NEGATIVE)
        case Scale(factor, inner):
            return _sign(inner) * (1 if factor > 0 else -1)
        case Add(terms):
            signs = {_sign(term) for term in terms}
            return signs.pop() if len(signs) == 1 else 0
        case Mul(factors):
            return sign_of_product(factors)
        case _:
            assert_never(expression)
