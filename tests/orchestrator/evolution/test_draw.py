"""Challengers are new, small enough, and made by the operators that can make them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from orchestrator.evolution.draw import Draw, draw_challengers
from orchestrator.evolution.operator_mix import DRAWN
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import LineageState, OperatorTally, PhaseSettings
from state.genome import (
    DEFAULT_LEAVES,
    LEAF_NAMES,
    OPERATORS,
    is_known,
    parse,
    probation,
    size,
    skeleton,
)
from state.records import Genome
from state.seeds import generator

ONE = EvolutionConfig(proposals=1, operator_floor=0.0, adaptive_operators=True)
CHILDREN = PhaseSettings(mutation_rate=1.0)
CHAMPION = "0.8*silu(x)*relu(x) + 0.2*x"


def make_lineage(formula: str, index: int = 0) -> LineageState:
    return LineageState(index=index, genome=parse(formula), init_seed=0)


def nothing_but(*operators: str) -> tuple[OperatorTally, ...]:
    """Evidence that leaves one draw in ten thousand or so to the others."""
    return tuple(
        OperatorTally(operator=name, tried=1e6, gained=1e6 if name in operators else 0.0)
        for name in DRAWN
    )


def draw(
    count: int = 6,
    *,
    champion: str = CHAMPION,
    others: Sequence[str] = (),
    known: Sequence[Genome] = (),
    settings: PhaseSettings = CHILDREN,
    config: EvolutionConfig = ONE,
    number: int = 0,
    tallies: Sequence[OperatorTally] = (),
) -> Draw:
    return draw_challengers(
        make_lineage(champion),
        [make_lineage(formula, index) for index, formula in enumerate(others, start=1)],
        [1.0] * len(others),
        count,
        known=known,
        settings=settings,
        config=config,
        rng=generator(0, "draw", number),
        seed=0,
        tallies=tallies,
    )


def operators_of(found: Draw) -> Counter[str]:
    return Counter(one.operator for one in found.challengers)


def leaves_of(found: Draw) -> set[str]:
    text = " ".join(one.genome.formula for one in found.challengers)
    return {name for name in LEAF_NAMES if f"{name}(" in text}


# ---- what is drawn


def test_challengers_are_new_small_and_sound() -> None:
    settings = PhaseSettings(mutation_rate=1.0, max_depth=4, max_nodes=9, diversity_bonus=0.2)
    known: list[Genome] = [parse(CHAMPION)]
    for number in range(10):
        found = draw(3, others=("gelu",), known=known, settings=settings, number=number)
        for one in found.challengers:
            assert not is_known(one.genome, known)
            assert size(one.genome).depth <= 4
            assert size(one.genome).nodes <= 9
            assert probation(one.genome) is None
            known.append(one.genome)
    assert len(known) == 31


def test_the_same_records_draw_the_same_challengers() -> None:
    assert draw(others=("gelu",)) == draw(others=("gelu",))
    assert draw(others=("gelu",)) != draw(others=("gelu",), number=1)


def test_every_operator_is_drawn() -> None:
    found: Counter[str] = Counter()
    for number in range(60):
        found += operators_of(draw(others=("gelu", "relu"), number=number))
    assert set(found) == set(DRAWN)


@pytest.mark.parametrize("operator", ["crossover", "graft"])
def test_recombination_needs_a_mate_that_differs(operator: str) -> None:
    wanted = nothing_but(operator)
    assert set(operators_of(draw(others=("gelu",), tallies=wanted))) == {operator}
    for others in ((), (CHAMPION,)):
        assert operator not in operators_of(draw(others=others, tallies=wanted))


def test_recombined_children_have_two_parents() -> None:
    for one in draw(others=("gelu",), tallies=nothing_but("crossover", "graft")).challengers:
        assert one.parents == (parse(CHAMPION).formula, parse("gelu").formula)


def test_tuned_children_keep_the_champions_skeleton() -> None:
    found = draw(tallies=nothing_but("tune"))
    assert operators_of(found) == {"tune": 6}
    assert {skeleton(one.genome).text for one in found.challengers} == {
        skeleton(parse(CHAMPION)).text
    }


def test_a_tuned_child_obeys_the_limits() -> None:
    small = PhaseSettings(mutation_rate=1.0, max_nodes=4)
    assert operators_of(draw(settings=small, tallies=nothing_but("tune"))).total() == 0


@pytest.mark.parametrize("random_members", [0, 6])
def test_the_pool_of_leaves_widens(random_members: int) -> None:
    narrow, wide = (
        set.union(
            *(
                leaves_of(
                    draw(
                        settings=PhaseSettings(
                            mutation_rate=1.0, leaf_pool=pool, random_members=random_members
                        ),
                        number=number,
                    )
                )
                for number in range(20)
            )
        )
        for pool in (0, 1)
    )
    assert narrow <= set(DEFAULT_LEAVES)
    assert wide - set(DEFAULT_LEAVES) == {"sigmoid", "tanh", "sin", "leaky_relu", "abs"}


def test_random_members_descend_from_a_leaf_and_say_so() -> None:
    settings = PhaseSettings(mutation_rate=0.0, random_members=2)
    found = draw(4, others=("0.3*gelu(x) + 0.9*x*relu(x)",), settings=settings)
    random, rest = found.challengers[:2], found.challengers[2:]
    assert {one.operator for one in random} <= {f"{name} at random" for name in OPERATORS}
    assert all(CHAMPION not in one.parents for one in random)
    assert rest[0].operator == "migrate from lineage 1"


# ---- the mix


def test_an_even_mix_ignores_the_tallies() -> None:
    even = ONE.model_copy(update={"adaptive_operators": False})
    assert draw(config=even, tallies=nothing_but("compose")) == draw(config=even)
    assert draw(tallies=nothing_but("compose")) != draw()


def test_the_floor_keeps_every_operator_in_the_draw() -> None:
    config = ONE.model_copy(update={"operator_floor": 0.08})
    found: Counter[str] = Counter()
    for number in range(40):
        found += operators_of(
            draw(config=config, tallies=nothing_but("add_term"), others=("gelu",), number=number)
        )
    assert set(found) == set(DRAWN)
    assert found["add_term"] == max(found.values())


# ---- counts


def test_draws_are_what_was_new_and_what_was_known() -> None:
    toggled = [parse(f"glu({CHAMPION})")]
    found = draw(6, known=toggled, tallies=nothing_but("toggle_gated", "perturb_constant"))
    assert len(found.challengers) == 6
    assert found.known_redrawn > 0
    assert found.draws == found.known_redrawn + 6


def test_all_proposals_for_a_place_count_as_draws() -> None:
    found = draw(5, config=ONE.model_copy(update={"proposals": 3}))
    assert found.draws - found.known_redrawn == 15


def test_a_pool_that_is_exhausted_leaves_places_empty() -> None:
    known = [parse(f"glu({CHAMPION})")]
    found = draw(4, known=known, tallies=nothing_but("toggle_gated"))
    assert found.challengers == ()
    assert found.draws == found.known_redrawn == 128


def test_migrants_are_not_draws() -> None:
    found = draw(1, others=("gelu",), settings=PhaseSettings(mutation_rate=0.0))
    assert operators_of(found) == {"migrate from lineage 1": 1}
    assert (found.draws, found.known_redrawn) == (0, 0)


def test_the_bonus_prefers_what_is_far_from_everything_known() -> None:
    config = ONE.model_copy(update={"proposals": 8})
    near, far = (
        np.mean(
            [
                one.genome.formula.count("glu")
                for number in range(15)
                for one in draw(
                    2,
                    config=config,
                    settings=PhaseSettings(mutation_rate=1.0, diversity_bonus=bonus),
                    number=number,
                ).challengers
            ]
        )
        for bonus in (0.0, 10.0)
    )
    assert far > near + 0.2
