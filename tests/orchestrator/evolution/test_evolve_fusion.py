"""`evolve_fusion = true`: a population mixes fusions."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydantic import JsonValue

from orchestrator.config import RunConfig
from orchestrator.evolution.draw import draw_challengers
from orchestrator.evolution.operator_mix import DRAWN, FUSING, record_outcomes, weights
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.report.build import population_of
from orchestrator.report.markdown import population_text
from orchestrator.run_state import LineageState, OperatorTally, PhaseSettings
from orchestrator.settings import build_config
from orchestrator.stages.phase_start import new_lineage
from orchestrator.train_settings import build_train_config
from state.fusions import FUSION_KINDS
from state.genome import parse
from state.metrics_store import MetricsStore
from state.records import Genome
from tests.builders import ScriptedEngine, ScriptedRun, make_config, make_state

EVOLVED: dict[str, JsonValue] = {
    "evolution": {"evolve_fusion": True},
    "model": {"backbone": "gf-mh"},
}


def drawn(
    config: EvolutionConfig, champion: str, tallies: tuple[OperatorTally, ...] = ()
) -> list[str]:
    found = draw_challengers(
        LineageState(index=0, genome=parse(champion), init_seed=0),
        [LineageState(index=1, genome=parse("swiglu @ ws"), init_seed=0)],
        [1.0],
        30,
        known=(),
        settings=PhaseSettings(mutation_rate=0.9),
        config=config,
        rng=np.random.default_rng(4),
        seed=0,
        tallies=tallies,
    )
    return [f"{one.operator}: {one.genome.fusion}" for one in found.challengers]


def test_challengers_swap_the_fusion_and_migrants_bring_theirs() -> None:
    only = tuple(
        OperatorTally(operator=name, tried=1e6, gained=1e6 * (name in FUSING))
        for name in (*DRAWN, *FUSING)
    )
    config = EvolutionConfig(evolve_fusion=True, operator_floor=0, proposals=1)
    swapped = {one for one in drawn(config, "gelu @ gf", only) if one.startswith("swap_fusion")}
    assert swapped == {f"swap_fusion: {kind}" for kind in FUSION_KINDS if kind != "gf"}
    mixed = Counter(drawn(EvolutionConfig(evolve_fusion=True), "gelu @ gf"))
    assert mixed["migrate from lineage 1: ws"] == 1
    assert any(one.endswith(": gf") for one in mixed)


def test_without_it_nothing_is_swapped_and_shares_are_as_ever() -> None:
    assert not [one for one in drawn(EvolutionConfig(), "gelu @ gf") if "swap_fusion" in one]
    assert len(weights((), 0.04)) == len(DRAWN)
    known = record_outcomes((), [("compose", 2.0)])
    assert [one.operator for one in known] == list(DRAWN)
    assert [one.operator for one in record_outcomes(known, [("swap_fusion", 2.0)])] == [
        *DRAWN,
        *FUSING,
    ]
    assert sum(weights(known, 0.04, (*DRAWN, *FUSING))) == pytest.approx(1)


def test_lineages_begin_with_the_fusion_of_the_backbone() -> None:
    config = make_config(**EVOLVED)
    assert new_lineage(config, 0).genome == parse("gelu @ gf")
    given: dict[str, object] = {
        **EVOLVED,
        "evolution": {"evolve_fusion": True, "activation": "silu @ cp"},
    }
    assert new_lineage(make_config(**given), 0).genome == parse("silu @ cp")
    assert new_lineage(make_config(), 0).genome == parse("gelu")


@pytest.mark.parametrize("backbone", ["gpt", "rwkv6", "mamba2"])
def test_a_backbone_without_two_components_is_refused_on_one_line(backbone: str) -> None:
    remedy = "give a --backbone with two components, such as gf-mh, or leave it out"
    with pytest.raises(ValueError, match="evolve_fusion has nothing to fuse") as caught:
        build_config(
            {"evolution": {"evolve_fusion": True}, "model": {"backbone": backbone}}, environment={}
        )
    assert str(caught.value) == (
        f"evolution.evolve_fusion has nothing to fuse in backbone {backbone}; {remedy}"
    )
    with pytest.raises(ValueError, match="relu @ cp names a fusion, and backbone") as caught:
        build_config({"control": ["relu @ cp"], "model": {"backbone": backbone}}, environment={})
    assert str(caught.value).endswith(remedy)


def test_one_model_has_no_population() -> None:
    with pytest.raises(ValueError, match="evolve_fusion needs a population"):
        build_train_config(EVOLVED, environment={})
    config: RunConfig = build_train_config(
        {"train": {"activation": "relu @ cp"}, "model": {"backbone": "hy"}}, environment={}
    ).config
    assert config.train.activation == "relu @ cp"


def test_a_planted_better_fusion_wins_and_is_told(tmp_path: Path) -> None:
    def quality(genome: Genome) -> float:
        return 0.3 if genome.fusion == "hgf" else 0.0

    config = make_config(budget=12000, **EVOLVED)
    engine = ScriptedEngine(tmp_path, quality=quality)
    state = ScriptedRun(tmp_path, config, engine).play(make_state(config))
    assert state.winner is not None
    assert state.winner.genome.fusion == "hgf"
    with MetricsStore.open(tmp_path / "metrics.db", writer=False) as store:
        rows = store.members(state.run_id)
    made = [one for one in rows if one.operator == "swap_fusion"]
    assert {one.genome.fusion for one in made if one.status == "accepted"} == {"hgf"}
    assert all("@" in parent for one in made for parent in one.parents)
    told = population_of(state)
    assert told.fusions["hgf"] > 1
    assert "Genomes by their fusion: `" in population_text(told, rows)
