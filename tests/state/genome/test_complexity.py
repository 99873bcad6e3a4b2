"""Size and cost, counted by hand."""

import pytest

from state.genome import parse, size, static_cost


@pytest.mark.parametrize(
    ("formula", "nodes", "depth"),
    [
        ("silu(x)", 1, 1),
        ("swiglu", 1, 1),
        ("0.8*silu(x)", 2, 2),
        ("x*x", 3, 2),
        ("silu(gelu(x))", 3, 2),
        ("0.8*silu(x) + 0.2*x", 5, 3),
        ("x*silu(x)*relu(x)*tanh(x)", 7, 3),
        ("silu(x) + gelu(x) + x", 5, 3),
        ("silu(0.5*gelu(x) + x)", 6, 4),
    ],
)
def test_nodes_and_depth_are_those_of_the_binary_tree(formula: str, nodes: int, depth: int) -> None:
    measured = size(parse(formula))
    assert (measured.nodes, measured.depth) == (nodes, depth)


@pytest.mark.parametrize(
    ("formula", "operations", "num_bytes"),
    [
        ("x", 0, 0),
        ("relu(x)", 1, 8),
        ("relu2", 2, 20),
        ("reglu", 2, 20),
        ("0.5*relu(x) + x", 3, 28),
    ],
)
def test_the_static_cost_counts_each_distinct_operation_once(
    formula: str, operations: int, num_bytes: int
) -> None:
    cost = static_cost(parse(formula))
    assert (cost.operations, cost.bytes_per_element) == (operations, num_bytes)


def test_a_larger_formula_costs_more() -> None:
    costs = [static_cost(parse(text)).operations for text in ("relu", "silu", "silu(silu(x)) + x")]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3
