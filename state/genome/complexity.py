"""Size and static cost of an activation, counted on its tree."""

from typing import assert_never

from pydantic import Field

from state.base import Record
from state.genome.expression import (
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Scale,
    depth,
    num_nodes,
    subtrees,
)
from state.genome.learnable import FAMILIES, Family
from state.genome.text import initial_expression, is_gated, learnable
from state.records import Genome

BYTES_PER_NUMBER = 4


class Complexity(Record):
    """Size of the binary tree; silu(x) has one node and depth 1."""

    nodes: int = Field(ge=1)
    depth: int = Field(ge=1)


class StaticCost(Record):
    """Work of one element of the pre-activation in the forward pass."""

    operations: int = Field(ge=0)
    """Floating-point operations, a transcendental function counted as several."""
    bytes_per_element: int = Field(ge=0)
    """Float32 memory traffic when every operation is a kernel of its own: an upper bound."""


def size(genome: Genome) -> Complexity:
    """Nodes and least depth of the activation as a binary tree; a gate adds nothing.

    A sum or product of k operands counts k - 1 nodes, and a composition itself, its outer leaf
    and its inner tree: silu(gelu(x)) has three nodes and depth 2. A learnable family has the
    size of its formula with every coefficient in place, a quotient counted like a product.
    """
    if (family := _family(genome)) is not None:
        return Complexity(nodes=family.nodes, depth=family.depth)
    tree = initial_expression(genome)
    return Complexity(nodes=num_nodes(tree), depth=depth(tree))


def static_cost(genome: Genome) -> StaticCost:
    """Operations and traffic of an activation; equal subexpressions are computed once."""
    operations, num_numbers = (1, 3) if is_gated(genome) else (0, 0)
    for some, numbers in _costs(genome):
        operations += some
        num_numbers += numbers
    return StaticCost(operations=operations, bytes_per_element=num_numbers * BYTES_PER_NUMBER)


def _family(genome: Genome) -> Family | None:
    kind = learnable(genome)
    return None if kind is None or kind == "learned" else FAMILIES[kind]


def _costs(genome: Genome) -> list[tuple[int, int]]:
    if (family := _family(genome)) is not None:
        return [(family.operations, family.numbers)]
    nodes = {node for _, node in subtrees(initial_expression(genome))}
    return [_node_cost(node) for node in nodes]


def _node_cost(node: Expression) -> tuple[int, int]:
    """Operations, and numbers read and written, of one node without its children."""
    match node:
        case Leaf("identity"):
            return 0, 0
        case Leaf(name) | Compose(name, _):
            return _operations(name), 2
        case Scale():
            return 1, 2
        case Add(parts) | Mul(parts):
            return len(parts) - 1, 3 * (len(parts) - 1)
        case _:
            assert_never(node)


def _operations(name: LeafName) -> int:
    match name:
        case "identity":
            return 0
        case "relu" | "abs" | "square":
            return 1
        case "leaky_relu":
            return 2
        case "sigmoid":
            return 6
        case "silu":
            return 7
        case "tanh" | "sin":
            return 8
        case "gelu":
            return 12
        case _:
            assert_never(name)
