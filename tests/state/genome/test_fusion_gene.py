"""The fusion as a part of the genome."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.fusions import FUSION_KINDS
from state.genome import (
    DEFAULT_LEAVES,
    OPERATORS,
    Crowd,
    crossover,
    display_name,
    distance,
    fingerprint,
    is_gated,
    is_known,
    learnable,
    mutate,
    parse,
    retune,
    skeleton,
    swap_fusion,
)
from state.records import Genome

FORMULAS = ("gelu", "swiglu", "0.8*silu(x) + 0.2*x", "spline", "glu(learned(0.9*silu(x)))")


@given(st.sampled_from(FORMULAS), st.sampled_from(FUSION_KINDS), st.sampled_from(["", " ", "  "]))
def test_a_fusion_stands_behind_the_formula(formula: str, kind: str, space: str) -> None:
    genome, plain = parse(f"{formula}{space}@{space}{kind}"), parse(formula)
    assert genome.formula == f"{plain.formula} @ {kind}"
    assert parse(genome.formula) == genome
    assert (genome.fusion, genome.activation) == (kind, plain)
    assert (is_gated(genome), learnable(genome)) == (is_gated(plain), learnable(plain))
    assert display_name(genome) == f"{display_name(plain)} @ {kind}"
    assert plain.fusion is None
    assert plain.fused(genome.fusion) == genome


def test_a_genome_without_one_is_stored_as_ever() -> None:
    assert parse("gelu").model_dump() == {"formula": "gelu(x)"}
    assert "fusion" not in repr(fingerprint(parse("gelu")))
    assert "fusion='cp'" in repr(fingerprint(parse("gelu @ cp")))


@pytest.mark.parametrize("name", ["", "hg", "HGF", "gf-mh", "hgf @ hgf", "x" * 500])
def test_a_wrong_fusion_is_refused_on_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="behind @ is no fusion; ") as caught:
        parse(f"gelu @ {name}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_another_fusion_is_another_genome_one_apart() -> None:
    one, other, plain = parse("silu @ gf"), parse("silu @ hgf"), parse("silu")
    assert distance(one, other) == distance(one, plain) == 1
    assert distance(parse("swiglu @ gf"), other) == 2
    assert not is_known(one, [other, plain])
    assert is_known(parse("x*sigmoid(x) @ gf"), [other, one])
    crowd = Crowd([other, plain])
    assert not crowd.knows(one)
    assert crowd.nearest(one) == 1
    crowd.add(one)
    assert crowd.knows(one)


def test_children_fuse_as_their_parents_do() -> None:
    rng = np.random.default_rng(3)
    parent, mate = parse("0.8*silu(x)*relu(x) + 0.2*x @ cp"), parse("swiglu @ ws")
    for operator in OPERATORS:
        child = mutate(
            parent, rng, operators=(operator,), leaves=DEFAULT_LEAVES, max_depth=5, max_nodes=12
        )
        assert child is not None
        assert child.genome.fusion == "cp"
    tuned = retune(parent, (0.5, 0.3), max_depth=5, max_nodes=12)
    assert tuned is not None
    assert tuned.genome.fusion == "cp"
    found = Counter(
        (child.genome.fusion, is_gated(child.genome))
        for _ in range(40)
        if (child := crossover(parent, mate, rng, max_depth=5, max_nodes=12)) is not None
    )
    assert set(found) == {("cp", False), ("ws", True)}


def test_swapping_draws_every_other_fusion_and_keeps_the_activation() -> None:
    rng, parent = np.random.default_rng(1), parse("swiglu @ hy")
    children = [swap_fusion(parent, rng) for _ in range(60)]
    kinds = {child.genome.fusion for child in children if child is not None}
    assert kinds == set(FUSION_KINDS) - {"hy"}
    assert all(child and child.genome.activation == parse("swiglu") for child in children)
    assert children[0] is not None
    assert (children[0].operator, children[0].parents) == ("swap_fusion", (parent.formula,))
    assert swap_fusion(parse("swiglu"), rng) is None


def test_constants_of_another_fusion_are_not_compared() -> None:
    texts = {skeleton(Genome(formula=f"0.8*silu(x){end}")).text for end in ("", " @ gf", " @ cp")}
    assert len(texts) == 3
