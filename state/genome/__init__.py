"""Activation functions as genomes: algebra, text, fingerprint, probation, mutation. No torch."""

from state.genome.complexity import Complexity, StaticCost, size, static_cost
from state.genome.crowd import Crowd
from state.genome.curve import slopes, values
from state.genome.expression import (
    DEFAULT_LEAVES,
    LEAF_NAMES,
    WIDER_LEAVES,
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Scale,
)
from state.genome.fingerprint import Fingerprint, distance, fingerprint, is_known, same
from state.genome.latex import latex
from state.genome.learnable import FAMILY_NAMES, LearnableKind
from state.genome.mutation import (
    Fusing,
    Mutation,
    Recombination,
    Tuning,
    crossover,
    mutate,
    retune,
    swap_fusion,
)
from state.genome.operators import OPERATORS, Operator
from state.genome.probation import probation
from state.genome.skeleton import Skeleton, skeleton
from state.genome.text import (
    display_name,
    expression,
    family_genome,
    genome_of,
    initial_coefficients,
    initial_expression,
    is_gated,
    is_per_channel,
    learnable,
    parse,
)

__all__ = [
    "DEFAULT_LEAVES",
    "FAMILY_NAMES",
    "LEAF_NAMES",
    "OPERATORS",
    "WIDER_LEAVES",
    "Add",
    "Complexity",
    "Compose",
    "Crowd",
    "Expression",
    "Fingerprint",
    "Fusing",
    "Leaf",
    "LeafName",
    "LearnableKind",
    "Mul",
    "Mutation",
    "Operator",
    "Recombination",
    "Scale",
    "Skeleton",
    "StaticCost",
    "Tuning",
    "crossover",
    "display_name",
    "distance",
    "expression",
    "family_genome",
    "fingerprint",
    "genome_of",
    "initial_coefficients",
    "initial_expression",
    "is_gated",
    "is_known",
    "is_per_channel",
    "latex",
    "learnable",
    "mutate",
    "parse",
    "probation",
    "retune",
    "same",
    "size",
    "skeleton",
    "slopes",
    "static_cost",
    "swap_fusion",
    "values",
]
