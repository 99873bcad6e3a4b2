"""Any activation graph in eager PyTorch, differentiated by autograd.

Every distinct subexpression is computed once, so `relu(x)*relu(x)` costs one relu. Constants
are Python floats and leave the dtype of x alone.

Shapes: x and every intermediate value are [...], element by element.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, mul
from typing import TypeAlias, assert_never

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


Constants: TypeAlias = Mapping[Expression, Tensor]
"""Factors, as tensors without a dimension, of scaled parts whose own are not to be used."""


def evaluate(expression: Expression, x: Tensor, constants: Constants | None = None) -> Tensor:
    """The expression at every element of x, in the dtype of x."""
    return _evaluate(expression, x, {}, constants or {})


def leaf(name: LeafName, x: Tensor) -> Tensor:
    """One named function; the exact (erf) GELU, and 0 as the slope of relu and abs at 0."""
    return LEAVES[name](x)


Known: TypeAlias = dict[Expression, Tensor]


def _evaluate(expression: Expression, x: Tensor, known: Known, constants: Constants) -> Tensor:
    if expression not in known:
        known[expression] = _compute(expression, x, known, constants)
    return known[expression]


def _compute(expression: Expression, x: Tensor, known: Known, constants: Constants) -> Tensor:
    match expression:
        case Leaf(name):
            return leaf(name, x)
        case Scale(factor, inner):
            return constants.get(expression, factor) * _evaluate(inner, x, known, constants)
        case Add(terms):
            return reduce(add, [_evaluate(term, x, known, constants) for term in terms])
        case Mul(factors):
            return reduce(mul, [_evaluate(factor, x, known, constants) for factor in factors])
        case Compose(outer, inner):
            return leaf(outer, _evaluate(inner, x, known, constants))
        case _:
            assert_never(expression)
