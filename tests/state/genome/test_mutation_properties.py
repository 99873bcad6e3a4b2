"""What holds for every child of every genome, plain or learnable."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import (
    DEFAULT_LEAVES,
    OPERATORS,
    WIDER_LEAVES,
    Mutation,
    Operator,
    Recombination,
    crossover,
    initial_expression,
    is_gated,
    learnable,
    mutate,
    parse,
    probation,
    same,
    size,
)
from state.records import Genome
from state.seeds import generator

FORMULAS = [
    "gelu",
    "swiglu",
    "relu2",
    "x",
    "0.8*silu(x)*relu(x) + 0.2*x",
    "silu(gelu(x)) - 0.3*tanh(2*x)",
    "glu(0.5*abs(x) + sin(x))",
    "leaky_relu(x*sigmoid(x) + 0.12*x)",
]
LEARNABLE = [
    formula
    for kind in ("universal", "blend", "spline", "rational", "learned(0.8*silu(x) + 0.2*x)")
    for formula in (kind, f"glu({kind})")
]
GENOMES = st.sampled_from([parse(formula) for formula in FORMULAS + LEARNABLE])
DEPTH, NODES = 5, 12
CROSSING: tuple[Recombination, ...] = ("crossover", "graft")


def mutant(genome: Genome, operator: Operator, seed: int, nodes: int = NODES) -> Mutation | None:
    return mutate(
        genome,
        generator(seed, "mutant"),
        operators=(operator,),
        leaves=DEFAULT_LEAVES if seed % 2 else WIDER_LEAVES,
        max_depth=DEPTH,
        max_nodes=nodes,
    )


def crossed(a: Genome, b: Genome, operator: Recombination, seed: int) -> Mutation | None:
    rng = generator(seed, "crossed")
    return crossover(a, b, rng, max_depth=DEPTH, max_nodes=NODES, operator=operator)


def assert_sound(child: Genome, parents: tuple[Genome, ...]) -> None:
    assert parse(child.formula) == child
    assert size(child).depth <= DEPTH
    assert size(child).nodes <= NODES
    assert not any(same(child, parent) for parent in parents)
    assert probation(child) is None


@settings(max_examples=400, deadline=None)
@given(GENOMES, st.sampled_from(OPERATORS), st.integers(0, 10**6))
def test_a_mutant_is_new_small_sound_and_knows_its_origin(
    genome: Genome, operator: Operator, seed: int
) -> None:
    mutation = mutant(genome, operator, seed)
    assert mutant(genome, operator, seed) == mutation
    if mutation is not None:
        assert_sound(mutation.genome, (genome,))
        assert mutation.operator == operator
        assert mutation.parents == (genome.formula,)


@settings(max_examples=400, deadline=None)
@given(GENOMES, GENOMES, st.sampled_from(CROSSING), st.integers(0, 10**6))
def test_a_child_of_two_is_new_small_sound_and_knows_its_origin(
    a: Genome, b: Genome, operator: Recombination, seed: int
) -> None:
    mutation = crossed(a, b, operator, seed)
    assert crossed(a, b, operator, seed) == mutation
    if mutation is not None:
        assert_sound(mutation.genome, (a, b))
        assert mutation.operator == operator
        assert mutation.parents == (a.formula, b.formula)


@pytest.mark.parametrize("formula", FORMULAS + LEARNABLE)
def test_most_mutations_of_every_genome_succeed(formula: str) -> None:
    genome, made = parse(formula), 0
    for operator in OPERATORS:
        made += sum(mutant(genome, operator, seed) is not None for seed in range(4))
    assert made >= 0.6 * 4 * len(OPERATORS)


@pytest.mark.parametrize("formula", LEARNABLE)
def test_children_of_a_family_are_plain_and_children_of_a_learned_graph_learn(formula: str) -> None:
    genome = parse(formula)
    kind = "learned" if learnable(genome) == "learned" else None
    for operator in [operator for operator in OPERATORS if operator != "toggle_gated"]:
        for seed in range(6):
            mutation = mutant(genome, operator, seed)
            if mutation is not None:
                assert learnable(mutation.genome) == kind
                assert is_gated(mutation.genome) == is_gated(genome)


@pytest.mark.parametrize("formula", LEARNABLE)
def test_toggling_the_gate_keeps_what_is_learned(formula: str) -> None:
    genome = parse(formula)
    mutation = mutate(
        genome,
        generator(0),
        operators=("toggle_gated",),
        leaves=DEFAULT_LEAVES,
        max_depth=9,
        max_nodes=64,
    )
    assert mutation is not None
    assert learnable(mutation.genome) == learnable(genome)
    assert initial_expression(mutation.genome) == initial_expression(genome)
    assert is_gated(mutation.genome) != is_gated(genome)


def test_a_family_is_mutated_as_the_function_it_starts_as() -> None:
    for seed in range(10):
        universal, silu = (mutant(parse(f), "inject_gate", seed) for f in ("universal", "silu"))
        assert universal is not None
        assert silu is not None
        assert universal.genome == silu.genome


def test_a_learned_graph_that_loses_its_constants_is_drawn_again() -> None:
    genome = parse("learned(0.5*silu(x) + tanh(x))")
    mutation = mutant(genome, "prune", 3)
    assert mutation is not None
    assert mutation.genome == parse("learned(0.5*silu(x))")


def test_a_child_of_two_learns_where_the_parent_whose_gate_it_has_does() -> None:
    a, b = parse("glu(learned(0.5*silu(x) + x))"), parse("tanh(x) + 0.3*relu(x)")
    kinds = set()
    for seed in range(30):
        mutation = crossed(a, b, "crossover", seed)
        assert mutation is not None
        kinds.add((is_gated(mutation.genome), learnable(mutation.genome)))
    assert kinds == {(True, "learned"), (False, None)}
