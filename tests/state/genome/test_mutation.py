"""Children are new, small enough, sound, and the same for the same generator."""

from collections.abc import Sequence

import numpy as np
import pytest

from state.genome import (
    DEFAULT_LEAVES,
    LEAF_NAMES,
    OPERATORS,
    WIDER_LEAVES,
    LeafName,
    Mutation,
    Operator,
    Recombination,
    crossover,
    is_gated,
    is_known,
    mutate,
    parse,
    probation,
    same,
    size,
)
from state.records import Genome
from state.seeds import generator


def child_of(
    genome: Genome,
    rng: np.random.Generator,
    *operators: Operator,
    leaves: Sequence[LeafName] = DEFAULT_LEAVES,
    known: Sequence[Genome] = (),
    max_nodes: int = 12,
) -> Mutation | None:
    return mutate(
        genome,
        rng,
        operators=operators or OPERATORS,
        leaves=leaves,
        max_depth=5,
        max_nodes=max_nodes,
        known=known,
    )


@pytest.mark.parametrize("leaves", [DEFAULT_LEAVES, WIDER_LEAVES])
@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_of_a_long_chain_is_new_small_and_sound(
    leaves: Sequence[LeafName], seed: int
) -> None:
    rng = generator(seed, "mutation chain", len(leaves))
    genome, made = parse("gelu"), 0
    for _ in range(400):
        mutation = child_of(genome, rng, leaves=leaves)
        if mutation is None:
            continue
        child, made = mutation.genome, made + 1
        assert mutation.parents == (genome.formula,)
        assert not same(child, genome)
        assert parse(child.formula) == child
        assert probation(child) is None
        measured = size(child)
        assert measured.depth <= 5
        assert measured.nodes <= 12
        genome = child
    assert made >= 395


APPLIES_TO_ONE_LEAF = [operator for operator in OPERATORS if operator != "prune"]


ONE_LEAF_CASES = [
    (leaf, operator)
    for leaf in LEAF_NAMES
    for operator in APPLIES_TO_ONE_LEAF
    if (leaf, operator) != ("identity", "inject_residual")
]


@pytest.mark.parametrize(("leaf", "operator"), ONE_LEAF_CASES)
def test_every_operator_changes_every_one_leaf_graph(leaf: LeafName, operator: Operator) -> None:
    genome = parse(leaf)
    for seed in range(5):
        mutation = child_of(genome, generator(seed, leaf, operator), operator, leaves=WIDER_LEAVES)
        assert mutation is not None
        assert mutation.operator == operator
        assert not same(mutation.genome, genome)


def test_there_is_nothing_to_prune_in_one_leaf() -> None:
    assert child_of(parse("silu"), generator(0), "prune") is None
    assert child_of(parse("0.5*silu"), generator(0), "prune") is None


def test_an_identity_is_its_own_residual() -> None:
    assert child_of(parse("x"), generator(0), "inject_residual") is None


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_same_generator_state_gives_the_same_child(operator: Operator) -> None:
    genome = parse("silu(gelu(x)) + 0.2*x")
    first = child_of(genome, generator(7, operator), operator, max_nodes=20)
    assert first is not None
    assert child_of(genome, generator(7, operator), operator, max_nodes=20) == first


def test_known_genomes_are_drawn_again() -> None:
    # Swapping the root among five leaves has four outcomes.
    rng, known = generator(1), list[Genome]()
    for _ in range(4):
        mutation = child_of(parse("silu"), rng, "swap_leaf", known=known)
        assert mutation is not None
        assert not is_known(mutation.genome, known)
        known.append(mutation.genome)
    assert {genome.formula for genome in known} == {"gelu(x)", "relu(x)", "x", "x*x"}
    assert child_of(parse("silu"), rng, "swap_leaf", known=known) is None


def test_limits_that_nothing_meets_give_no_child() -> None:
    assert child_of(parse("silu"), generator(0), "inject_gate", max_nodes=2) is None


def test_toggling_changes_the_gate_alone() -> None:
    mutation = child_of(parse("silu"), generator(0), "toggle_gated")
    assert mutation is not None
    assert mutation.genome == parse("swiglu")


def test_the_other_operators_keep_the_gate() -> None:
    for operator in APPLIES_TO_ONE_LEAF[:-1]:
        mutation = child_of(parse("swiglu"), generator(0, operator), operator)
        assert mutation is not None
        assert is_gated(mutation.genome)


def test_a_perturbed_constant_moves_by_a_fifth_at_most_and_may_change_its_sign() -> None:
    factors = set()
    for seed in range(200):
        mutation = child_of(parse("0.5*silu"), generator(seed), "perturb_constant")
        assert mutation is not None
        factors.add(float(mutation.genome.formula.removesuffix("*silu(x)")))
    assert all(0.4 <= abs(factor) <= 0.6 for factor in factors)
    assert {factor > 0 for factor in factors} == {True, False}
    assert len(factors) > 100


def test_a_graph_without_a_constant_gets_one_by_perturbation() -> None:
    mutation = child_of(parse("silu(x) + tanh(x)"), generator(2), "perturb_constant")
    assert mutation is not None
    assert mutation.genome.formula.count("1") + mutation.genome.formula.count("0.") >= 1


def test_pruning_drops_a_term_a_factor_or_a_composition() -> None:
    parent = parse("silu(gelu(x)) + x*relu(-x)")
    children = set()
    for seed in range(60):
        mutation = child_of(parent, generator(seed), "prune")
        assert mutation is not None
        assert size(mutation.genome).nodes < size(parent).nodes
        children.add(mutation.genome.formula)
    assert {"silu(gelu(x))", "x*relu(-x)", "x*relu(-x) + silu(x)"} <= children


def test_constants_of_children_have_three_decimals() -> None:
    genome, rng = parse("silu"), generator(5)
    for _ in range(200):
        mutation = child_of(genome, rng)
        genome = mutation.genome if mutation is not None else genome
        digits = genome.formula.replace("(", "*").replace(" ", "*").split("*")
        for number in (part for part in digits if part.lstrip("-")[:1].isdigit()):
            assert len(number.partition(".")[2].rstrip(")")) <= 4, genome.formula


def test_weights_choose_among_the_operators() -> None:
    weights = [float(operator == "inject_gate") for operator in OPERATORS]
    mutation = mutate(
        parse("silu"),
        generator(0),
        operators=OPERATORS,
        leaves=DEFAULT_LEAVES,
        max_depth=3,
        max_nodes=6,
        weights=weights,
    )
    assert mutation is not None
    assert mutation.operator == "inject_gate"


@pytest.mark.parametrize("operator", ["crossover", "graft"])
def test_a_child_of_two_differs_from_both(operator: Recombination) -> None:
    a, b = parse("silu(x)*relu(x)"), parse("glu(gelu(x) + 0.3*tanh(x))")
    gates = set()
    for seed in range(60):
        child = crossover(a, b, generator(seed), max_depth=6, max_nodes=16, operator=operator)
        assert child is not None
        assert child.operator == operator
        assert child.parents == (a.formula, b.formula)
        assert not is_known(child.genome, [a, b])
        gates.add(is_gated(child.genome))
        again = crossover(a, b, generator(seed), max_depth=6, max_nodes=16, operator=operator)
        assert again == child
    assert gates == {True, False}


def test_a_crossover_is_a_convex_mean_of_its_parents() -> None:
    child = crossover(parse("silu"), parse("relu"), generator(0), max_depth=3, max_nodes=6)
    assert child is not None
    relu, silu = (float(term.split("*")[0]) for term in child.genome.formula.split(" + "))
    assert relu + silu == pytest.approx(1.0)
    assert 0.3 <= silu <= 0.7


def test_a_genome_crossed_with_itself_gives_no_child() -> None:
    assert crossover(parse("silu"), parse("silu"), generator(0), max_depth=9, max_nodes=9) is None
