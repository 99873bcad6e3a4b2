"""What a phase begins with."""

import pytest

from orchestrator.evolution_config import EvolutionConfig
from orchestrator.stages.phase_start import new_lineage
from state.genome import parse
from tests.builders import make_config


def test_lineages_begin_with_the_configured_activation_and_weights_of_their_own() -> None:
    config = make_config(evolution={"activation": "tanh"})
    first, second = (new_lineage(config, index) for index in (0, 1))
    assert first.genome == second.genome == parse("tanh")
    assert first.init_seed != second.init_seed
    assert new_lineage(make_config(), 0).genome == parse("gelu")


def test_several_first_activations_are_given_out_in_turn() -> None:
    config = make_config(evolution={"activation": ["gelu", "swiglu"], "lineages": 3})
    begun = [new_lineage(config, index).genome for index in range(3)]
    assert begun == [parse("gelu"), parse("swiglu"), parse("gelu")]
    assert config.first_formula == "gelu"


def test_a_first_activation_that_is_no_formula_is_refused() -> None:
    with pytest.raises(ValueError, match="tahn"):
        EvolutionConfig(activation=("gelu", "tahn"))
    with pytest.raises(ValueError, match="at least 1"):
        EvolutionConfig(activation=())
