"""The text of a Triton kernel: formulas with their slopes as straight lines of code.

As on the CPU a formula is walked once, value and slope together (dual numbers), and a part that
occurs twice is computed once. What a kernel does not store the compiler leaves out.

Names in the text: x is the argument, `k0` and on the constants of a member.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from math import pi
from typing import NamedTuple, TypeAlias, assert_never

from state.genome.expression import LeafName
from trainer.activations.cpu.functions import (
    COS,
    LEAKY_SLOPE,
    NORMAL_DENSITY_AT_0,
    PI_PARTS,
    SIN,
    TAIL,
    TAIL_POLE,
    TANH,
    TANH_SMALL,
)
from trainer.activations.cpu.structure import Function, Product, Slot, Structure, Sum

QUARTER = 1.58
"""A little more than a quarter turn."""


class Dual(NamedTuple):
    """Names of a value and of its slope by x."""

    value: str
    slope: str


class Lines:
    """Lines of code, each of which gives a new name a value."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def name(self, expression: str) -> str:
        """The name of what the expression gives."""
        name = f"v{len(self.written)}"
        self.written.append(f"{name} = {expression}")
        return name

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """The value at x of a polynomial whose constant comes first."""
        *lower, highest = coefficients
        result = repr(highest)
        for coefficient in reversed(lower):
            result = self.name(f"{result} * {x} + {coefficient!r}")
        return result


Emit: TypeAlias = Callable[[Lines, str], Dual]


def identity(_lines: Lines, x: str) -> Dual:
    """`x`."""
    return Dual(x, "1.0")


def square(lines: Lines, x: str) -> Dual:
    """`x * x`."""
    return Dual(lines.name(f"{x} * {x}"), lines.name(f"{x} + {x}"))


def relu(lines: Lines, x: str) -> Dual:
    """`max(0, x)`; slope 0 at 0. What is no number is not below 0, so it is kept."""
    value = lines.name(f"tl.where({x} < 0.0, 0.0, {x})")
    return Dual(value, lines.name(f"tl.where({x} > 0.0, 1.0, 0.0)"))


def leaky_relu(lines: Lines, x: str) -> Dual:
    """`x` above 0, `.01 x` below."""
    slope = lines.name(f"tl.where({x} > 0.0, 1.0, {LEAKY_SLOPE!r})")
    return Dual(lines.name(f"{slope} * {x}"), slope)


def absolute(lines: Lines, x: str) -> Dual:
    """`|x|`; slope 0 at 0."""
    slope = lines.name(f"tl.where({x} > 0.0, 1.0, tl.where({x} < 0.0, -1.0, 0.0))")
    return Dual(lines.name(f"tl.abs({x})"), slope)


def sigmoid(lines: Lines, x: str) -> Dual:
    """`1 / (1 + exp(-x))`."""
    value = lines.name(f"1.0 / (1.0 + tl.exp(-{x}))")
    return Dual(value, lines.name(f"{value} - {value} * {value}"))


def silu(lines: Lines, x: str) -> Dual:
    """`x * sigmoid(x)`."""
    gate = sigmoid(lines, x)
    return Dual(lines.name(f"{x} * {gate.value}"), lines.name(f"{x} * {gate.slope} + {gate.value}"))


def tanh(lines: Lines, x: str) -> Dual:
    """A polynomial near 0, `1 - 2 / (exp(2 |x|) + 1)` elsewhere."""
    size, second = lines.name(f"tl.abs({x})"), lines.name(f"{x} * {x}")
    near = lines.name(f"{second} * {x} * {lines.polynomial(second, TANH)} + {x}")
    far = lines.name(f"1.0 - 2.0 / (tl.exp({size} + {size}) + 1.0)")
    signed = lines.name(f"tl.where({x} < 0.0, -{far}, {far})")
    value = lines.name(f"tl.where({size} < {TANH_SMALL!r}, {near}, {signed})")
    return Dual(value, lines.name(f"1.0 - {value} * {value}"))


def gelu(lines: Lines, x: str) -> Dual:
    """`x Phi(x)` with the tail of the normal distribution as on the CPU."""
    falling = lines.name(f"tl.exp({x} * {x} * -0.5)")
    near = lines.name(f"1.0 / (tl.abs({x}) * {TAIL_POLE!r} + 1.0)")
    tail = lines.name(f"{near} * {lines.polynomial(near, TAIL)} * {falling}")
    share = lines.name(f"tl.where({x} > 0.0, 1.0 - {tail}, {tail})")
    slope = lines.name(f"{x} * {falling} * {NORMAL_DENSITY_AT_0!r} + {share}")
    return Dual(lines.name(f"{x} * {share}"), slope)


def sine(lines: Lines, x: str) -> Dual:
    """`sin(x)`, brought to half a turn about 0 as on the CPU; what is too large for that to mean
    anything stays bounded.
    """
    turns = lines.name(f"tl.floor({x} * {1 / pi!r} + 0.5)")
    rest = x
    for part in PI_PARTS:
        rest = lines.name(f"{rest} - {turns} * {part!r}")
    near = f"tl.where({rest} > {QUARTER!r}, {QUARTER!r}, {rest})"
    rest = lines.name(f"tl.where({rest} < -{QUARTER!r}, -{QUARTER!r}, {near})")
    sign = lines.name(f"1.0 - 2.0 * ({turns} - 2.0 * tl.floor({turns} * 0.5))")
    second = lines.name(f"{rest} * {rest}")
    value = lines.name(f"{rest} * {second} * {lines.polynomial(second, SIN)} + {rest}")
    slope = lines.name(
        f"{second} * {second} * {lines.polynomial(second, COS)} + {second} * -0.5 + 1.0"
    )
    return Dual(lines.name(f"{value} * {sign}"), lines.name(f"{slope} * {sign}"))


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


def emit(lines: Lines, formula: Structure, known: dict[Structure, Dual]) -> Dual:
    """Value and slope of a formula at x; `known` holds the parts that were written before."""
    if formula not in known:
        known[formula] = _compute(lines, formula, known)
    return known[formula]


def _compute(lines: Lines, formula: Structure, known: dict[Structure, Dual]) -> Dual:
    match formula:
        case Function(name, None):
            return FUNCTIONS[name](lines, "x")
        case Function(name, inner):
            assert inner is not None
            within = emit(lines, inner, known)
            outer = FUNCTIONS[name](lines, within.value)
            return Dual(outer.value, lines.name(f"{outer.slope} * {within.slope}"))
        case Slot(index, inner):
            within = emit(lines, inner, known)
            return Dual(*(lines.name(f"k{index} * {one}") for one in within))
        case Sum(terms):
            parts = [emit(lines, term, known) for term in terms]
            return reduce(lambda a, b: _added(lines, a, b), parts)
        case Product(factors):
            parts = [emit(lines, factor, known) for factor in factors]
            return reduce(lambda a, b: _multiplied(lines, a, b), parts)
        case _:
            assert_never(formula)


def _added(lines: Lines, a: Dual, b: Dual) -> Dual:
    return Dual(lines.name(f"{a.value} + {b.value}"), lines.name(f"{a.slope} + {b.slope}"))


def _multiplied(lines: Lines, a: Dual, b: Dual) -> Dual:
    slope = lines.name(f"{a.slope} * {b.value} + {a.value} * {b.slope}")
    return Dual(lines.name(f"{a.value} * {b.value}"), slope)
