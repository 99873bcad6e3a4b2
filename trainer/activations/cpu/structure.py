"""A formula as the compiler sees it: constants are slots, so one machine code serves them all."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from state.genome.expression import Add, Compose, Expression, Leaf, LeafName, Mul, Scale


@dataclass(frozen=True, slots=True)
class Slot:
    """The constant of a slot times a structure."""

    index: int
    inner: "Structure"


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of its terms."""

    terms: tuple["Structure", ...]


@dataclass(frozen=True, slots=True)
class Product:
    """The product of its factors."""

    factors: tuple["Structure", ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A named function of x, or of another structure."""

    name: LeafName
    inner: "Structure | None" = None


Structure: TypeAlias = Slot | Sum | Product | Function


LIGHT: frozenset[LeafName] = frozenset({"identity", "square", "relu", "leaky_relu", "abs"})
"""Functions that cost less than reading their argument."""


def is_light(formula: Structure) -> bool:
    """Whether computing it again is cheaper than keeping its slope."""
    match formula:
        case Function(name, inner):
            return name in LIGHT and (inner is None or is_light(inner))
        case Slot(_, inner):
            return is_light(inner)
        case Sum(parts) | Product(parts):
            return all(map(is_light, parts))
        case _:
            assert_never(formula)


def structure(tree: Expression) -> tuple[Structure, tuple[float, ...]]:
    """The structure and what belongs in its slots.

    Equal constants share a slot, so parts that are equal here stay equal whatever the constants.
    """
    slots: dict[float, int] = {}
    return _structure(tree, slots), tuple(slots)


def _structure(tree: Expression, slots: dict[float, int]) -> Structure:
    match tree:
        case Leaf(name):
            return Function(name)
        case Compose(outer, inner):
            return Function(outer, _structure(inner, slots))
        case Scale(factor, inner):
            index = slots.setdefault(factor, len(slots))
            return Slot(index, _structure(inner, slots))
        case Add(terms):
            return Sum(tuple(_structure(term, slots) for term in terms))
        case Mul(factors):
            return Product(tuple(_structure(factor, slots) for factor in factors))
        case _:
            assert_never(tree)
