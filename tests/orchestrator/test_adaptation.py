"""Responses: what each finding changes, within the ranges of its phase and in its own direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adaptation import (
    MAX_DROPOUT,
    RESETS_CONSENSUS,
    RESPONSES,
    can_change,
    has_response,
    respond,
)
from orchestrator.config import PhaseConfig
from orchestrator.detectors.panel import DETECTORS
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.phases import SIX_PHASES
from orchestrator.run_state import PhaseSettings
from state.detector_names import DETECTOR_NAMES
from state.records import Finding

EVOLUTION = EvolutionConfig()
CAMBRIAN = SIX_PHASES[2]
CALM = PhaseSettings(mutation_rate=0.5, steps_per_candidate=35, population=12, coupling=1.2)
SETTINGS = st.builds(
    PhaseSettings,
    mutation_rate=st.floats(0, 1),
    steps_per_candidate=st.integers(1, 200),
    population=st.just(12),
    max_depth=st.integers(1, 12),
    max_nodes=st.integers(1, 30),
    coupling=st.floats(0, 6),
    diversity_bonus=st.floats(0, 1),
    dropout=st.floats(0, 0.9),
    lr_scale=st.floats(0.01, 1),
    clip_scale=st.floats(0.01, 1),
    leaf_pool=st.integers(0, 1),
    complexity_scale=st.floats(1, 8),
    fusion_scale=st.floats(0.03, 1),
)
LOWERED = {
    "collapse": {"coupling"},
    "fusion_trap": {"fusion_scale"},
    "complexity": {"max_nodes"},
    "instability": {"lr_scale", "clip_scale"},
}
"""Settings that a response lowers; it raises the others."""


def finding(detector: str) -> Finding:
    return Finding(detector=detector, severity=0.4, reason="seen", value=1.0, limit=0.5)


def answered(detector: str, times: int = 1, settings: PhaseSettings = CALM) -> PhaseSettings:
    for _ in range(times):
        settings, _ = respond(finding(detector), settings, CAMBRIAN)
    return settings


def changes(detector: str, times: int = 1) -> dict[str, float]:
    after = answered(detector, times).model_dump()
    return {
        name: after[name] for name, before in CALM.model_dump().items() if after[name] != before
    }


@pytest.mark.parametrize(
    ("detector", "wanted"),
    [
        ("host_overfitting", {"dropout": 0.1}),
        ("lineage_overfitting", {"dropout": 0.1}),
        ("fusion_trap", {"fusion_scale": 0.3}),
        ("complexity", {"complexity_scale": 2.0, "max_nodes": 6}),
        ("instability", {"lr_scale": 0.5, "clip_scale": 0.5}),
        ("exhaustion", {"leaf_pool": 1}),
    ],
)
def test_each_finding_has_its_answer(detector: str, wanted: dict[str, float]) -> None:
    assert changes(detector) == wanted


@pytest.mark.parametrize(
    ("detector", "limits"),
    [
        ("lineage_overfitting", {"dropout": MAX_DROPOUT}),
        ("fusion_trap", {"fusion_scale": 0.03}),
        ("complexity", {"complexity_scale": 8.0, "max_nodes": 6}),
        ("exhaustion", {"leaf_pool": 1}),
    ],
)
def test_repeated_answers_end_at_the_ranges(detector: str, limits: dict[str, float]) -> None:
    assert changes(detector, times=12) == limits


@given(st.sampled_from(sorted(RESPONSES)), st.sampled_from(SIX_PHASES), SETTINGS)
def test_no_answer_turns_into_its_opposite(
    detector: str, phase: PhaseConfig, settings: PhaseSettings
) -> None:
    _, adjustments = respond(finding(detector), settings, phase)
    for change in adjustments:
        lowered = change.setting in LOWERED.get(detector, set())
        assert (change.after < change.before) == lowered


@given(st.sampled_from(sorted(RESPONSES)), SETTINGS)
def test_answers_keep_the_record_valid_and_say_what_changed(
    detector: str, settings: PhaseSettings
) -> None:
    after, adjustments = respond(finding(detector), settings, CAMBRIAN)
    assert PhaseSettings.model_validate(after.model_dump(), strict=True) == after
    told = {change.setting: (change.before, change.after) for change in adjustments}
    before, now = settings.model_dump(), after.model_dump()
    assert told == {name: (before[name], now[name]) for name in now if now[name] != before[name]}


@given(st.sampled_from(sorted(RESPONSES)), SETTINGS)
def test_an_answer_can_change_something_exactly_when_it_does(
    detector: str, settings: PhaseSettings
) -> None:
    seen = finding(detector)
    _, adjustments = respond(seen, settings, CAMBRIAN)
    assert can_change(seen, settings, CAMBRIAN, EVOLUTION) == bool(adjustments)


def test_an_answer_at_its_limit_changes_nothing() -> None:
    assert can_change(finding("exhaustion"), CALM, CAMBRIAN, EVOLUTION)
    spent = answered("exhaustion")
    assert not can_change(finding("exhaustion"), spent, CAMBRIAN, EVOLUTION)


@pytest.mark.parametrize("detector", RESETS_CONSENSUS)
def test_beginning_the_running_means_anew_is_a_change_where_there_are_some(detector: str) -> None:
    spent = answered(detector, times=12)
    assert not can_change(finding(detector), spent, CAMBRIAN, EVOLUTION)
    assert can_change(finding(detector), spent, CAMBRIAN, EvolutionConfig(fusion=True))


def test_dropout_that_the_user_set_higher_is_left_alone() -> None:
    wet = CALM.model_copy(update={"dropout": 0.5})
    assert answered("lineage_overfitting", settings=wet) == wet


@pytest.mark.parametrize("detector", sorted(RESPONSES))
def test_a_withheld_answer_is_not_given(detector: str) -> None:
    withheld = EvolutionConfig(withheld=(detector,))
    seen = finding(detector)
    assert has_response(seen, EVOLUTION)
    assert not has_response(seen, withheld)
    assert not can_change(seen, CALM, CAMBRIAN, withheld)
    others = [name for name in RESPONSES if name != detector]
    assert all(has_response(finding(name), withheld) for name in others)


UNANSWERED = {"memorisation", "transfer", "stagnation", "punctuated", "consensus_stagnation"}


@pytest.mark.parametrize("detector", sorted(UNANSWERED))
def test_what_no_answer_was_shown_to_mend_is_only_told(detector: str) -> None:
    assert not has_response(finding(detector), EVOLUTION)


def test_the_names_are_those_of_the_panel() -> None:
    names = tuple(detector.__name__.rpartition(".")[2] for detector in DETECTORS)
    assert names == DETECTOR_NAMES
    assert set(RESPONSES) == set(DETECTOR_NAMES) - UNANSWERED
    assert set(RESETS_CONSENSUS) <= set(RESPONSES)


def test_an_unknown_finding_cannot_be_withheld() -> None:
    with pytest.raises(ValueError, match="boredom is no finding; give some of host_overfitting"):
        EvolutionConfig(withheld=("boredom",))
