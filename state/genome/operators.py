"""The mutation operators: pure functions of a canonical tree and a generator.

Each returns a tree of any shape, or None where it cannot apply. Constants are drawn with two
decimals.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, assert_never, get_args

import numpy as np

from state.genome.expression import (
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Path,
    Scale,
    X,
    replace,
    subtrees,
)
from state.genome.skeleton import constant_sites

Operator = Literal[
    "inject_residual",
    "inject_gate",
    "add_term",
    "swap_leaf",
    "perturb_constant",
    "prune",
    "compose",
    "toggle_gated",
]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
Draw: TypeAlias = np.random.Generator

GATES: tuple[LeafName, ...] = ("silu", "relu", "gelu")
FLIP_PROBABILITY = 0.1


def apply_operator(
    operator: Operator, tree: Expression, rng: Draw, leaves: Sequence[LeafName]
) -> Expression | None:
    """The mutated tree; `toggle_gated` leaves the tree as it is, since it acts on the gate."""
    match operator:
        case "inject_residual":
            return inject_residual(tree, rng)
        case "inject_gate":
            return Mul((tree, Leaf(_choice(GATES, rng))))
        case "add_term":
            weight = _rounded_uniform(rng, 0.05, 0.3)
            return Add((tree, Scale(weight, Leaf(_choice(leaves, rng)))))
        case "swap_leaf":
            return swap_leaf(tree, rng, leaves)
        case "perturb_constant":
            return perturb_constant(tree, rng)
        case "prune":
            return prune(tree, rng)
        case "compose":
            return Compose(_choice(leaves, rng), tree)
        case "toggle_gated":
            return tree
        case _:
            assert_never(operator)


def inject_residual(tree: Expression, rng: Draw) -> Expression:
    """The tree f becomes a f + (1 - a) x, a in [.6, .9]."""
    return blend(tree, X, _rounded_uniform(rng, 0.6, 0.9))


def blend(one: Expression, other: Expression, share: float) -> Expression:
    """The sum share * one + (1 - share) * other."""
    return Add((Scale(share, one), Scale(round(1 - share, 2), other)))


def swap_leaf(tree: Expression, rng: Draw, leaves: Sequence[LeafName]) -> Expression | None:
    """One named function anywhere, the root included, becomes another of `leaves`."""
    sites = [(path, node) for path, node in subtrees(tree) if isinstance(node, Leaf | Compose)]
    path, node = sites[int(rng.integers(len(sites)))]
    old = node.name if isinstance(node, Leaf) else node.outer
    names = [name for name in leaves if name != old]
    if not names:
        return None
    name = _choice(names, rng)
    return replace(tree, path, Leaf(name) if isinstance(node, Leaf) else Compose(name, node.inner))


def perturb_constant(tree: Expression, rng: Draw) -> Expression:
    """One constant changes by up to 20 % of itself, and one time in ten changes its sign.

    Where there is no constant, that of a term, 1, is changed.
    """
    path, node = _pick(constant_sites(tree), rng)
    factor, inner = (node.factor, node.inner) if isinstance(node, Scale) else (1.0, node)
    change = rng.uniform(0.8, 1.2) * (-1.0 if rng.random() < FLIP_PROBABILITY else 1.0)
    return replace(tree, path, Scale(round(factor * change, 3), inner))


def prune(tree: Expression, rng: Draw) -> Expression | None:
    """Drops a term, a factor, or one side of a composition; None where there is none of them."""
    smaller = [
        replace(tree, path, rest) for path, node in subtrees(tree) for rest in _without_one(node)
    ]
    return smaller[int(rng.integers(len(smaller)))] if smaller else None


def _without_one(node: Expression) -> list[Expression]:
    match node:
        case Add(parts):
            return [Add(parts[:index] + parts[index + 1 :]) for index in range(len(parts))]
        case Mul(parts):
            return [Mul(parts[:index] + parts[index + 1 :]) for index in range(len(parts))]
        case Compose(outer, inner):
            return [Leaf(outer), inner]
        case Leaf() | Scale():
            return []
        case _:
            assert_never(node)


def graft(tree: Expression, donor: Expression, rng: Draw) -> Expression:
    """One subtree becomes a subtree of the donor."""
    path, _ = _pick(list(subtrees(tree)), rng)
    _, branch = _pick(list(subtrees(donor)), rng)
    return replace(tree, path, branch)


def _pick(sites: list[tuple[Path, Expression]], rng: Draw) -> tuple[Path, Expression]:
    return sites[int(rng.integers(len(sites)))]


def _choice(names: Sequence[LeafName], rng: Draw) -> LeafName:
    return names[int(rng.integers(len(names)))]


def _rounded_uniform(rng: Draw, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 2)
