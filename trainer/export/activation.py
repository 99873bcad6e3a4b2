"""An activation in files that others read: as a tree of lists, or by the name that others know."""

from typing import assert_never

from pydantic import JsonValue

from state.genome import (
    expression,
    initial_coefficients,
    initial_expression,
    is_gated,
    is_per_channel,
    learnable,
)
from state.genome.expression import Add, Compose, Expression, Leaf, Mul, Scale
from state.genome.learnable import constants
from state.records import Genome
from trainer.feed_forward import curve_name

Tree = list[JsonValue]
"""A node as a list: its kind, then its name or factor where it has one, then its children."""

_KNOWN: dict[Expression, str] = {
    Leaf("gelu"): "gelu",
    Leaf("silu"): "silu",
    Leaf("relu"): "relu",
    Leaf("sigmoid"): "sigmoid",
    Leaf("tanh"): "tanh",
    Leaf("leaky_relu"): "leaky_relu",
    Leaf("identity"): "linear",
    Mul((Leaf("relu"), Leaf("relu"))): "relu2",
}
"""Names in `transformers.activations.ACT2FN`; its gelu is the exact one too."""


def known_activation(genome: Genome) -> tuple[str, float] | None:
    """The name that transformers has for an ungated activation and the constant before it; None
    where it has none.
    """
    if is_gated(genome) or learnable(genome) is not None:
        return None
    factor, tree = 1.0, expression(genome)
    if isinstance(tree, Scale):
        factor, tree = tree.factor, tree.inner
    name = _KNOWN.get(tree)
    return None if name is None else (name, factor)


def activation_parts(genome: Genome) -> dict[str, JsonValue]:
    """The tree, and for a learnable activation the curve whose coefficients are in the weights."""
    kind = learnable(genome)
    if kind is None:
        return {"activation_tree": tree(expression(genome)), "curve": None}
    curve: dict[str, JsonValue] = {
        "name": curve_name(genome),
        "kind": kind,
        "start": list(initial_coefficients(genome)),
        "own": is_per_channel(genome),
    }
    learned = None
    if kind == "learned":
        start = initial_expression(genome)
        learned = tree(start, constants(start))
    return {"activation_tree": learned, "curve": curve}


def tree(node: Expression, trained: tuple[Scale, ...] = ()) -> Tree:
    """The expression as nested lists; the factor of a part that is trained is its number."""
    match node:
        case Scale(_, inner) if node in trained:
            return ["trained", trained.index(node), tree(inner, trained)]
        case Leaf(name):
            return ["leaf", name]
        case Scale(factor, inner):
            return ["scale", factor, tree(inner, trained)]
        case Add(terms):
            return ["add", *(tree(term, trained) for term in terms)]
        case Mul(factors):
            return ["mul", *(tree(factor, trained) for factor in factors)]
        case Compose(outer, inner):
            return ["compose", outer, tree(inner, trained)]
        case _:
            assert_never(node)
