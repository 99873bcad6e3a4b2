"""A formula without its constants: what several sets of constants have in common."""

from collections.abc import Sequence

from pydantic import Field

from state.base import Record
from state.fusions import joined
from state.genome.expression import Add, Expression, Path, Scale, replace, subtrees
from state.genome.formatting import format_expression
from state.genome.learnable import LEARNED
from state.genome.text import initial_expression, is_gated, learnable
from state.records import Genome


class Skeleton(Record):
    """The form of a formula and the constants that stand in it."""

    text: str
    """The formula with 1 for every constant; gate, learned constants and fusion are told apart."""
    constants: tuple[float, ...] = Field(min_length=1)
    """From the root on, a sum from left to right."""


def constant_sites(tree: Expression) -> list[tuple[Path, Expression]]:
    """Where constants stand; in a tree without any, the terms, whose constant is 1."""
    scales = [site for site in subtrees(tree) if isinstance(site[1], Scale)]
    return scales or _terms(tree)


def skeleton(genome: Genome) -> Skeleton:
    """The skeleton of a genome; of a learnable one, that of the graph it starts as."""
    tree = initial_expression(genome)
    nodes = [node for _, node in constant_sites(tree)]
    text = format_expression(with_constants(tree, [1.0] * len(nodes)))
    if learnable(genome) == LEARNED:
        text = f"{LEARNED}({text})"
    text = f"glu({text})" if is_gated(genome) else text
    return Skeleton(
        text=joined(text, genome.fusion),
        constants=tuple(node.factor if isinstance(node, Scale) else 1.0 for node in nodes),
    )


def with_constants(tree: Expression, constants: Sequence[float]) -> Expression:
    """The tree with other constants at its sites, in their order; not canonical."""
    # Parents come first, so a site below another is replaced in the tree that holds the new one.
    for (path, node), constant in zip(constant_sites(tree), constants, strict=True):
        inner = node.inner if isinstance(node, Scale) else node
        tree = replace(tree, path, Scale(constant, inner))
    return tree


def _terms(tree: Expression) -> list[tuple[Path, Expression]]:
    if isinstance(tree, Add):
        return [((index,), term) for index, term in enumerate(tree.terms)]
    return [((), tree)]
