"""The named functions with their slopes, on lanes.

The coefficients are minimax fits to float64, made for these ranges and rounded to float32. Errors
against the exact functions are within a few units in the last place of the larger of value and 1;
tests hold every function to that. What is no number stays so; beyond the clamps a function has
its limit.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from state.genome.expression import LeafName
from trainer.simd.exponential import EXP_RANGE, ROUNDING, exponential
from trainer.simd.lanes import Bits, Lanes, Vector


class Dual(NamedTuple):
    """A value and its derivative by x."""

    value: Vector
    slope: Vector


Emit: TypeAlias = Callable[[Lanes, Vector], Dual]

TANH = (
    *(-0.3333328068256378, 0.13331441581249237, -0.05373971536755562),
    *(0.0206390880048275, -0.005704987328499556),
)
TANH_SMALL = 0.625
PI_PARTS = (3.140625, 0.0009670257568359375, 6.278329465203569e-07)
SIN = (-0.16666659712791443, 0.008333064615726471, -0.00019809475634247065, 2.605481540740584e-06)
COS = (
    0.041666656732559204,
    -0.0013888566754758358,
    2.4769176889094524e-05,
    -2.6191150936938357e-07,
)
TAIL_POLE = 0.2316418882663604
TAIL = (
    *(0.0925346314907074, 0.09024759382009506, 0.10364159941673279, 0.010501226410269737),
    *(0.230692520737648, -0.2072892040014267, 0.2508237063884735, -0.07115202397108078),
)
NORMAL_DENSITY_AT_0 = 0.3989422804014327
LEAKY_SLOPE = 0.01


def identity(lanes: Lanes, x: Vector) -> Dual:
    """`x`."""
    return Dual(x, lanes.constant(1))


def square(lanes: Lanes, x: Vector) -> Dual:
    """`x * x`."""
    return Dual(lanes.mul(x, x), lanes.add(x, x))


def relu(lanes: Lanes, x: Vector) -> Dual:
    """`max(0, x)`; slope 0 at 0."""
    zero, one = lanes.constant(0), lanes.constant(1)
    # Compared with what lies below, so that what is no number is kept.
    return Dual(
        lanes.select(lanes.below(x, 0), zero, x), lanes.select(lanes.above(x, 0), one, zero)
    )


def leaky_relu(lanes: Lanes, x: Vector) -> Dual:
    """`x` above 0, `.01 x` below."""
    slope = lanes.select(lanes.above(x, 0), lanes.constant(1), lanes.constant(LEAKY_SLOPE))
    return Dual(lanes.mul(slope, x), slope)


def absolute(lanes: Lanes, x: Vector) -> Dual:
    """`|x|`; slope 0 at 0."""
    above = lanes.select(lanes.above(x, 0), lanes.constant(1), lanes.constant(0))
    return Dual(lanes.absolute(x), lanes.select(lanes.below(x, 0), lanes.constant(-1), above))


def sigmoid(lanes: Lanes, x: Vector) -> Dual:
    """`1 / (1 + exp(-x))`."""
    falling = exponential(lanes, lanes.neg(lanes.clamp(x, -EXP_RANGE, EXP_RANGE)))
    one = lanes.constant(1)
    value = lanes.div(one, lanes.add(one, falling))
    return Dual(value, lanes.fma(lanes.neg(value), value, value))


def silu(lanes: Lanes, x: Vector) -> Dual:
    """`x * sigmoid(x)`."""
    gate = sigmoid(lanes, x)
    return Dual(lanes.mul(x, gate.value), lanes.fma(x, gate.slope, gate.value))


def tanh(lanes: Lanes, x: Vector) -> Dual:
    """A polynomial near 0, `1 - 2 / (exp(2 |x|) + 1)` elsewhere."""
    size, one = lanes.absolute(x), lanes.constant(1)
    square = lanes.mul(x, x)
    near = lanes.fma(lanes.mul(square, x), lanes.polynomial(square, TANH), x)
    # At half the range a float32 cannot tell the result from 1 any more.
    growing = exponential(lanes, lanes.clamp(lanes.add(size, size), 0, EXP_RANGE))
    far = lanes.sub(one, lanes.div(lanes.constant(2), lanes.add(growing, one)))
    far = lanes.flip(far, lanes.sign(x))
    value = lanes.select(lanes.below(size, TANH_SMALL), near, far)
    return Dual(value, lanes.fma(lanes.neg(value), value, one))


def gelu(lanes: Lanes, x: Vector) -> Dual:
    """`x Phi(x)`, Phi the normal distribution; its tail is `exp(-x^2/2)` times a polynomial in
    `1 / (1 + .23 |x|)`, so that small values keep their digits.
    """
    size, one = lanes.absolute(x), lanes.constant(1)
    half_square = lanes.mul(lanes.mul(x, x), lanes.constant(0.5))
    falling = exponential(lanes, lanes.neg(lanes.clamp(half_square, 0, EXP_RANGE)))
    near = lanes.div(one, lanes.fma(size, lanes.constant(TAIL_POLE), one))
    tail = lanes.mul(lanes.mul(near, lanes.polynomial(near, TAIL)), falling)
    share = lanes.select(lanes.above(x, 0), lanes.sub(one, tail), tail)
    density = lanes.mul(falling, lanes.constant(NORMAL_DENSITY_AT_0))
    return Dual(lanes.mul(x, share), lanes.fma(x, density, share))


def sine(lanes: Lanes, x: Vector) -> Dual:
    """`sin(x)`, brought to half a turn about 0 by as many half turns as it takes."""
    turned = lanes.fma(x, lanes.constant(0.3183098861837907), lanes.constant(ROUNDING))
    turns = lanes.sub(turned, lanes.constant(ROUNDING))
    rest = x
    for part in PI_PARTS:
        rest = lanes.fma(turns, lanes.constant(-part), rest)
    odd: Bits = lanes.builder.shl(lanes.bits(turned), lanes.ints(31))
    square = lanes.mul(rest, rest)
    value = lanes.fma(lanes.mul(square, rest), lanes.polynomial(square, SIN), rest)
    line = lanes.fma(square, lanes.constant(-0.5), lanes.constant(1))
    slope = lanes.fma(lanes.mul(square, square), lanes.polynomial(square, COS), line)
    return Dual(lanes.flip(value, odd), lanes.flip(slope, odd))


FUNCTIONS: dict[LeafName, Emit] = {
    "identity": identity,
    "square": square,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "abs": absolute,
    "sigmoid": sigmoid,
    "silu": silu,
    "tanh": tanh,
    "gelu": gelu,
    "sin": sine,
}
