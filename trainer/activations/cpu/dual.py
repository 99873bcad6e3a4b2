"""A structure with its derivative, as instructions: every distinct part once."""

from collections.abc import Sequence
from functools import reduce
from typing import TypeAlias, assert_never

from trainer.activations.cpu.functions import FUNCTIONS, Dual
from trainer.activations.cpu.structure import Function, Product, Slot, Structure, Sum
from trainer.simd.lanes import Lanes, Vector

Known: TypeAlias = dict[Structure, Dual]


def emit(lanes: Lanes, formula: Structure, x: Vector, constants: Sequence[Vector]) -> Dual:
    """Value and slope of the structure at x; what is not used costs nothing once compiled."""
    return _emit(lanes, formula, x, constants, {})


def _emit(
    lanes: Lanes, formula: Structure, x: Vector, constants: Sequence[Vector], known: Known
) -> Dual:
    if formula not in known:
        known[formula] = _compute(lanes, formula, x, constants, known)
    return known[formula]


def _compute(
    lanes: Lanes, formula: Structure, x: Vector, constants: Sequence[Vector], known: Known
) -> Dual:
    def part(inner: Structure) -> Dual:
        return _emit(lanes, inner, x, constants, known)

    match formula:
        case Function(name, inner):
            within = Dual(x, lanes.constant(1)) if inner is None else part(inner)
            outer = FUNCTIONS[name](lanes, within.value)
            return Dual(outer.value, lanes.mul(outer.slope, within.slope))
        case Slot(index, inner):
            within, constant = part(inner), constants[index]
            return Dual(lanes.mul(constant, within.value), lanes.mul(constant, within.slope))
        case Sum(terms):
            return reduce(lambda a, b: add(lanes, a, b), map(part, terms))
        case Product(factors):
            return reduce(lambda a, b: multiply(lanes, a, b), map(part, factors))
        case _:
            assert_never(formula)


def add(lanes: Lanes, a: Dual, b: Dual) -> Dual:
    """The sum rule."""
    return Dual(lanes.add(a.value, b.value), lanes.add(a.slope, b.slope))


def multiply(lanes: Lanes, a: Dual, b: Dual) -> Dual:
    """The product rule."""
    slope = lanes.fma(a.slope, b.value, lanes.mul(a.value, b.slope))
    return Dual(lanes.mul(a.value, b.value), slope)
