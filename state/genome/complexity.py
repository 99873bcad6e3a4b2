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
from state.genome.text import expression, is_gated
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
    and its inner tree: silu(gelu(x)) has three nodes and depth 2.
    """
    tree = expression(genome)
    return Complexity(nodes=num_nodes(tree), depth=depth(tree))


def static_cost(genome: Genome) -> StaticCost:
    """Operations and traffic of an activation; equal subexpressions are computed once."""
    operations, num_bytes = (1, 3 * BYTES_PER_NUMBER) if is_gated(genome) else (0, 0)
    for node in {node for _, node in subtrees(expression(genome))}:
        some, numbers = _node_cost(node)
        operations += some
        num_bytes += numbers * BYTES_PER_NUMBER
    return StaticCost(operations=operations, bytes_per_element=num_bytes)


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
