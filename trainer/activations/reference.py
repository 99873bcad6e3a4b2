"""Any activation graph in eager PyTorch, differentiated by autograd.

Every distinct subexpression is computed once, so `relu(x)*relu(x)` costs one relu. Constants
are Python floats and leave the dtype of x alone.

Shapes: x and every intermediate value are [...], element by element.
"""

from collections.abc import Callable
from functools import reduce
from operator import add, mul
from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from state.genome.expression import Add, Compose, Expression, Leaf, LeafName, Mul, Scale

LEAVES: dict[LeafName, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "square": lambda x: x * x,
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "sin": torch.sin,
    "leaky_relu": F.leaky_relu,
    "abs": torch.abs,
}


def evaluate(expression: Expression, x: Tensor) -> Tensor:
    """The expression at every element of x, in the dtype of x."""
    return _evaluate(expression, x, {})


def leaf(name: LeafName, x: Tensor) -> Tensor:
    """One named function; the exact (erf) GELU, and 0 as the slope of relu and abs at 0."""
    return LEAVES[name](x)


def _evaluate(expression: Expression, x: Tensor, known: dict[Expression, Tensor]) -> Tensor:
    if expression not in known:
        known[expression] = _compute(expression, x, known)
    return known[expression]


def _compute(expression: Expression, x: Tensor, known: dict[Expression, Tensor]) -> Tensor:
    match expression:
        case Leaf(name):
            return leaf(name, x)
        case Scale(factor, inner):
            return factor * _evaluate(inner, x, known)
        case Add(terms):
            return reduce(add, [_evaluate(term, x, known) for term in terms])
        case Mul(factors):
            return reduce(mul, [_evaluate(factor, x, known) for factor in factors])
        case Compose(outer, inner):
            return leaf(outer, _evaluate(inner, x, known))
        case _:
            assert_never(expression)
