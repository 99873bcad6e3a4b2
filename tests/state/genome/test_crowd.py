"""A crowd answers as a look at each of its genomes does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import DEFAULT_LEAVES, OPERATORS, Crowd, distance, is_known, mutate, parse
from state.records import Genome

STARTS = ["gelu", "silu", "relu", "swiglu", "glu(tanh(x))", "0.8*silu(x) + 0.2*x"]


def descendants(seed: int, number: int) -> list[Genome]:
    """Mutants of mutants; some come twice, some under another formula."""
    rng = np.random.default_rng(seed)
    found = [parse(formula) for formula in STARTS]
    while len(found) < number:
        child = mutate(
            found[int(rng.integers(len(found)))],
            rng,
            operators=OPERATORS,
            leaves=DEFAULT_LEAVES,
            max_depth=4,
            max_nodes=8,
            attempts=2,
        )
        found.append(child.genome if child else found[0])
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 20), st.integers(0, 20))
def test_its_answers_are_those_of_looking_at_each(seed: int, at_once: int, later: int) -> None:
    genomes = descendants(seed, at_once + later + 12)
    seen, others = genomes[: at_once + later], genomes[at_once + later :]
    crowd = Crowd(seen[:at_once])
    for one in seen[at_once:]:
        crowd.add(one)
    for genome in (*others, *seen):
        assert crowd.knows(genome) == is_known(genome, seen)
        expected = min((distance(genome, one) for one in seen), default=np.inf)
        assert crowd.nearest(genome) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_gate_makes_another_genome() -> None:
    crowd = Crowd([parse("swiglu")])
    assert not crowd.knows(parse("silu"))
    assert crowd.nearest(parse("silu")) == pytest.approx(1.0)
    assert crowd.knows(parse("swiglu"))
