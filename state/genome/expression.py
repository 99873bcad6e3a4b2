"""The expression tree of an activation: one variable x, leaves, and four ways to combine them.

Trees may be written by hand in any shape; `state.genome.algebra.canonical` gives the one form
that genomes use. In canonical trees `square` does not occur (it is x*x), `Scale` stands only at
the root, below an `Add` or below a `Compose`, and no `Add` or `Mul` has a child of its own kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never, get_args

LeafName = Literal[
    "silu",
    "gelu",
    "relu",
    "identity",
    "square",
    "sigmoid",
    "tanh",
    "sin",
    "leaky_relu",
    "abs",
]
LEAF_NAMES: tuple[LeafName, ...] = get_args(LeafName)
DEFAULT_LEAVES: tuple[LeafName, ...] = ("silu", "gelu", "relu", "identity", "square")
WIDER_LEAVES: tuple[LeafName, ...] = LEAF_NAMES


@dataclass(frozen=True, slots=True)
class Leaf:
    """A named function of x."""

    name: LeafName


@dataclass(frozen=True, slots=True)
class Scale:
    """A constant of either sign times an expression."""

    factor: float
    inner: "Expression"


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of its terms."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """The product of its factors; a power is a repeated factor."""

    factors: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Compose:
    """A named function of another expression than x."""

    outer: LeafName
    inner: "Expression"


Expression: TypeAlias = Leaf | Scale | Add | Mul | Compose
X = Leaf("identity")


def children(expression: Expression) -> tuple[Expression, ...]:
    """The direct subexpressions, in order."""
    match expression:
        case Leaf():
            return ()
        case Scale(_, inner) | Compose(_, inner):
            return (inner,)
        case Add(parts) | Mul(parts):
            return parts
        case _:
            assert_never(expression)


def with_children(expression: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same node over other subexpressions."""
    match expression:
        case Leaf():
            return expression
        case Scale(factor, _):
            return Scale(factor, parts[0])
        case Compose(outer, _):
            return Compose(outer, parts[0])
        case Add():
            return Add(parts)
        case Mul():
            return Mul(parts)
        case _:
            assert_never(expression)


Path: TypeAlias = tuple[int, ...]


def subtrees(expression: Expression, path: Path = ()) -> Iterator[tuple[Path, Expression]]:
    """Every node with its path from the root, parents first."""
    yield path, expression
    for index, child in enumerate(children(expression)):
        yield from subtrees(child, (*path, index))


def replace(expression: Expression, path: Path, new: Expression) -> Expression:
    """The tree with the node at `path` exchanged for `new`."""
    if not path:
        return new
    parts = list(children(expression))
    parts[path[0]] = replace(parts[path[0]], path[1:], new)
    return with_children(expression, tuple(parts))


def num_nodes(tree: Expression) -> int:
    """Nodes of the binary tree."""
    below = sum(num_nodes(child) for child in children(tree))
    match tree:
        case Leaf() | Scale():
            return 1 + below
        case Compose():
            return 2 + below
        case Add(parts) | Mul(parts):
            return len(parts) - 1 + below
        case _:
            assert_never(tree)


def depth(tree: Expression) -> int:
    """Levels of the binary tree, sums and products paired so that it is least."""
    match tree:
        case Leaf():
            return 1
        case Scale(_, inner) | Compose(_, inner):
            return 1 + depth(inner)
        case Add(parts) | Mul(parts):
            leaves = sum(1 << depth(part) for part in parts)
            return (leaves - 1).bit_length()
        case _:
            assert_never(tree)
