"""Makes a child of one genome or of two: drawn again until it is new, small enough, and sound.

The same parents, settings and generator state give the same child. Of a learnable parent the
graph that it starts as is changed: a child of `learned(f)` trains its constants too and is drawn
again where it has none; a child of a family is plain, except that toggling the gate keeps it.
Where a parent names a fusion, a child has it too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from state.base import Record
from state.fusions import FUSION_KINDS
from state.genome.complexity import size
from state.genome.expression import Expression, LeafName, Scale, children, with_children
from state.genome.fingerprint import is_known
from state.genome.learnable import LEARNED
from state.genome.operators import Operator, apply_operator, blend, graft
from state.genome.probation import DTypeName, probation
from state.genome.skeleton import with_constants
from state.genome.text import (
    expression,
    genome_of,
    initial_expression,
    is_gated,
    learnable,
    with_gate_toggled,
)
from state.records import Genome

Recombination = Literal["crossover", "graft"]
Tuning = Literal["tune"]
Fusing = Literal["swap_fusion"]


class Mutation(Record):
    """A child and where it comes from."""

    genome: Genome
    operator: Operator | Recombination | Tuning | Fusing
    parents: tuple[str, ...]
    """Formulas of the one or two parents."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child must satisfy."""

    max_depth: int
    max_nodes: int
    known: tuple[Genome, ...]
    dtype: DTypeName

    def admit(self, child: Genome) -> bool:
        """Whether the child is within the limits, unknown, and passes probation."""
        measured = size(child)
        return (
            measured.depth <= self.max_depth
            and measured.nodes <= self.max_nodes
            and not is_known(child, self.known)
            and probation(child, self.dtype) is None
        )


def mutate(
    genome: Genome,
    rng: np.random.Generator,
    *,
    operators: Sequence[Operator],
    leaves: Sequence[LeafName],
    max_depth: int,
    max_nodes: int,
    known: Sequence[Genome] = (),
    attempts: int = 32,
    weights: Sequence[float] | None = None,
    dtype: DTypeName = "float32",
) -> Mutation | None:
    """A child by one operator, drawn with `weights` (in the order of `operators`; None: evenly).

    The child differs in fingerprint from the parent and from every known genome. None when no
    attempt succeeded. A parent above the limits is no obstacle to a child within them.
    """
    limits = Limits(max_depth, max_nodes, (genome, *known), dtype)
    shares = None if weights is None else np.asarray(weights) / sum(weights)
    for _ in range(attempts):
        operator = operators[int(rng.choice(len(operators), p=shares))]
        child = _mutant(operator, genome, rng, leaves)
        if child is not None and limits.admit(child):
            return Mutation(genome=child, operator=operator, parents=(genome.formula,))
    return None


def crossover(
    a: Genome,
    b: Genome,
    rng: np.random.Generator,
    *,
    max_depth: int,
    max_nodes: int,
    operator: Recombination = "crossover",
    known: Sequence[Genome] = (),
    attempts: int = 32,
    dtype: DTypeName = "float32",
) -> Mutation | None:
    """A child s A + (1 - s) B, s in [.3, .7], or A with a subtree of B (`graft`).

    It gates and fuses as one of the parents, drawn evenly, and trains its constants if that one
    does; it is new against both and all known ones. None when no attempt succeeded.
    """
    limits = Limits(max_depth, max_nodes, (a, b, *known), dtype)
    combine = _recombination(operator)
    for _ in range(attempts):
        tree = combine(initial_expression(a), initial_expression(b), rng)
        like = a if rng.random() < 0.5 else b
        child = _child(tree, like)
        if child is not None and limits.admit(child):
            return Mutation(genome=child, operator=operator, parents=(a.formula, b.formula))
    return None


def retune(
    genome: Genome,
    constants: Sequence[float],
    *,
    max_depth: int,
    max_nodes: int,
    dtype: DTypeName = "float32",
) -> Mutation | None:
    """The child with other constants in the skeleton of its parent, in their order (`tune`).

    None when it breaks a limit or computes what its parent does.
    """
    tree = with_constants(initial_expression(genome), constants)
    child = _child(tree, genome)
    if child is None or not Limits(max_depth, max_nodes, (genome,), dtype).admit(child):
        return None
    return Mutation(genome=child, operator="tune", parents=(genome.formula,))


def swap_fusion(genome: Genome, rng: np.random.Generator) -> Mutation | None:
    """The same activation with another fusion, drawn evenly; None where it names none."""
    others = [kind for kind in FUSION_KINDS if kind != genome.fusion]
    if genome.fusion is None:
        return None
    child = genome.fused(others[int(rng.integers(len(others)))])
    return Mutation(genome=child, operator="swap_fusion", parents=(genome.formula,))


def _recombination(
    operator: Recombination,
) -> Callable[[Expression, Expression, np.random.Generator], Expression]:
    match operator:
        case "crossover":
            return lambda one, other, rng: blend(one, other, round(rng.uniform(0.3, 0.7), 2))
        case "graft":
            return graft


def _mutant(
    operator: Operator, genome: Genome, rng: np.random.Generator, leaves: Sequence[LeafName]
) -> Genome | None:
    if operator == "toggle_gated":
        return with_gate_toggled(genome)
    tree = apply_operator(operator, initial_expression(genome), rng, leaves)
    return _child(tree, genome)


def _child(tree: Expression | None, like: Genome) -> Genome | None:
    """The genome of a tree with constants of three decimals, which gates, learns and fuses as
    `like` does; None where there is none.
    """
    if tree is None:
        return None
    gated, learned = is_gated(like), learnable(like) == LEARNED
    try:
        child = genome_of(_short(expression(genome_of(tree))), gated=gated, learned=learned)
    except ValueError:
        return None
    return child.fused(like.fusion)


def _short(tree: Expression) -> Expression:
    short = with_children(tree, tuple(_short(child) for child in children(tree)))
    return Scale(round(short.factor, 3), short.inner) if isinstance(short, Scale) else short
