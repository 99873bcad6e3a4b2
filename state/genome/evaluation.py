"""Evaluates an expression and its exact derivative on an array, in the array's precision.

GELU is the exact form x * Phi(x), Phi the normal distribution function, not the tanh
approximation. LeakyReLU has slope 0.01 below zero. Slopes at a kink are those that torch takes:
0 for relu and abs, 0.01 for leaky_relu.
"""

from math import pi, sqrt
from typing import Literal, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from state.genome.expression import Add, Compose, Expression, Leaf, LeafName, Mul, Scale

LEAKY_SLOPE = 0.01
Array: TypeAlias = NDArray[np.floating]


def evaluate(tree: Expression, x: Array) -> tuple[Array, Array]:
    """f(x) and f'(x); overflow gives infinities or NaN without a warning."""
    with np.errstate(all="ignore"):
        return _dual(tree, x)


def varies(tree: Expression) -> bool:
    """Whether f differs from a constant by more than rounding somewhere on [-8, 8]."""
    f, _ = evaluate(tree, np.linspace(-8.0, 8.0, 161))
    spread = float(f.max() - f.min())
    return not spread <= 1e-9 * max(1.0, float(np.abs(f).max()))


def _dual(tree: Expression, x: Array) -> tuple[Array, Array]:
    match tree:
        case Leaf(name):
            return _leaf(name, x)
        case Scale(factor, inner):
            f, slope = _dual(inner, x)
            return factor * f, factor * slope
        case Add(terms):
            pairs = [_dual(term, x) for term in terms]
            return _total([f for f, _ in pairs]), _total([slope for _, slope in pairs])
        case Mul(factors):
            return _product([_dual(factor, x) for factor in factors])
        case Compose(outer, inner):
            f, slope = _dual(inner, x)
            g, outer_slope = _leaf(outer, f)
            return g, outer_slope * slope
        case _:
            assert_never(tree)


def _total(parts: list[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _product(pairs: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    f, slope = pairs[0]
    for g, g_slope in pairs[1:]:
        f, slope = f * g, slope * g + f * g_slope
    return f, slope


def _leaf(name: LeafName, x: Array) -> tuple[Array, Array]:
    one = np.ones_like(x)
    match name:
        case "identity":
            return x, one
        case "square":
            return x * x, 2 * x
        case "relu" | "leaky_relu" | "abs":
            return _piecewise(name, x)
        case "sin":
            return np.sin(x), np.cos(x)
        case "tanh":
            f = np.tanh(x)
            return f, 1 - f * f
        case "sigmoid":
            f = _sigmoid(x)
            return f, f * _sigmoid(-x)
        case "silu":
            gate = _sigmoid(x)
            return x * gate, gate + x * gate * _sigmoid(-x)
        case "gelu":
            return _gelu(x)
        case _:
            assert_never(name)


def _piecewise(name: Literal["relu", "leaky_relu", "abs"], x: Array) -> tuple[Array, Array]:
    match name:
        case "relu":
            slope = (x > 0).astype(x.dtype)
        case "leaky_relu":
            slope = np.where(x > 0, 1.0, LEAKY_SLOPE).astype(x.dtype)
        case "abs":
            slope = np.sign(x)
        case _:
            assert_never(name)
    return slope * x, slope


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: Array) -> tuple[Array, Array]:
    # Imported late: scipy takes longer to load than a --help may take.
    from scipy.special import ndtr

    phi = np.asarray(ndtr(x), dtype=x.dtype)
    return x * phi, phi + x * np.exp(-x * x / 2) / np.asarray(sqrt(2 * pi), dtype=x.dtype)
