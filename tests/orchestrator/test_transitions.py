"""The transition table: rows in order, the first that holds decides."""

import pytest

from orchestrator.adaptation import RESPONSES, respond
from orchestrator.phases import SIX_PHASES
from orchestrator.run_state import PhaseSettings
from orchestrator.transitions import Situation, decide
from state.records import Finding

CAMBRIAN = SIX_PHASES[2]


def situation(**changes: object) -> Situation:
    calm: dict[str, object] = {
        "phase": "cambrian",
        "generation": 7,
        "findings": (),
        "best_bits_per_byte": 2.0,
        "dormant_bits_per_byte": 2.1,
        "steps_left": 1000,
        "generation_cost": 200,
        "recent_acceptance": False,
        "extensions": 0,
        "max_extensions": 2,
        "endosymbiosis_left": 3000,
        "endosymbiosis_floor": 2000,
        "locked": False,
        "distance": 0.8,
        "best_history": (2.2, 2.1, 2.0),
        "cooldown_left": 0,
    }
    calm["answerable"] = changes.get("findings", ())
    return Situation.model_validate({**calm, **changes})


def finding(detector: str, severity: float = 0.4) -> Finding:
    return Finding(detector=detector, severity=severity, reason="seen", value=1.0, limit=0.5)


FAILED = (finding("memorisation"), finding("collapse", 0.3))


def test_a_calm_phase_continues() -> None:
    assert decide(situation()).kind == "continue"


def test_a_failed_phase_reverts_to_a_better_dormant_copy() -> None:
    decision = decide(situation(findings=FAILED, dormant_bits_per_byte=1.9))
    assert decision.kind == "revert"
    assert "1.9000 against 2.0000" in decision.reason


@pytest.mark.parametrize(
    "change", [{"dormant_bits_per_byte": 2.1}, {"dormant_bits_per_byte": None}, {"reverted": True}]
)
def test_a_failed_phase_does_not_revert_without_reason(change: dict[str, object]) -> None:
    calm = {"findings": FAILED, "dormant_bits_per_byte": 1.9}
    assert decide(situation(**{**calm, **change})).kind == "adapt"


def test_the_end_of_the_budget_advances() -> None:
    decision = decide(situation(steps_left=199))
    assert decision.kind == "advance"
    assert decision.numbers["steps_left"] == 199


def test_a_search_that_is_over_trains_its_remainder() -> None:
    decision = decide(situation(steps_left=199, closing=True))
    assert (decision.kind, decision.reason) == ("continue", "the remainder trains the lineages")


def test_a_phase_that_accepts_genomes_at_its_end_is_extended() -> None:
    assert decide(situation(steps_left=199, recent_acceptance=True)).kind == "extend"


@pytest.mark.parametrize(
    "change",
    [{"extensions": 2}, {"endosymbiosis_left": 2100}, {"recent_acceptance": False}],
    ids=["twice", "floor", "no gain"],
)
def test_extensions_have_limits(change: dict[str, object]) -> None:
    ending = {"steps_left": 199, "recent_acceptance": True}
    assert decide(situation(**{**ending, **change})).kind == "advance"


def test_locked_near_and_idle_lineages_advance_early() -> None:
    converged = {"locked": True, "distance": 0.1, "best_history": (2.0, 1.999, 1.998)}
    assert decide(situation(**converged)).kind == "advance"
    for change in ({"locked": False}, {"distance": 0.5}, {"best_history": (2.4, 2.2, 2.0)}):
        assert decide(situation(**{**converged, **change})).kind == "continue"


def test_a_finding_waits_for_the_cooldown() -> None:
    seen = (finding("memorisation"),)
    assert decide(situation(findings=seen)).kind == "adapt"
    assert decide(situation(findings=seen, cooldown_left=1)).kind == "continue"


def test_a_finding_whose_answer_changes_nothing_is_not_answered() -> None:
    seen = (finding("memorisation"),)
    assert decide(situation(findings=seen, answerable=())).kind == "continue"


def test_a_search_that_stays_exhausted_after_the_answer_is_over() -> None:
    seen = (finding("exhaustion"),)
    assert decide(situation(findings=seen)).kind == "adapt"
    assert decide(situation(findings=seen, exhaustions=1)).kind == "adapt"
    assert decide(situation(findings=seen, exhaustions=2)).kind == "advance"


def test_a_search_that_stands_still_with_genomes_far_apart_waits() -> None:
    still = (finding("stagnation", 0.0), finding("punctuated", 0.0))
    decision = decide(situation(findings=still, answerable=still[:1]))
    assert (decision.kind, decision.reason) == ("continue", "seen")
    unstable = finding("instability", 0.3)
    assert decide(situation(findings=(*still, unstable), answerable=(unstable,))).kind == "adapt"


@pytest.mark.parametrize("detector", sorted(RESPONSES))
def test_responses_stay_within_the_ranges_of_the_phase(detector: str) -> None:
    settings = PhaseSettings(
        mutation_rate=0.5, steps_per_candidate=35, population=12, diversity_bonus=0.15
    )
    for _ in range(12):
        settings, adjustments = respond(finding(detector), settings, CAMBRIAN)
        assert all(change.before != change.after for change in adjustments)
    low, high = CAMBRIAN.mutation_range
    assert low <= settings.mutation_rate <= high
    assert settings.steps_per_candidate == 35
    assert 0 < settings.lr_scale <= 1
    assert settings.dropout <= 0.3
    assert isinstance(settings.steps_per_candidate, int)
    assert isinstance(settings.max_nodes, int)


def test_every_response_changes_something() -> None:
    settings = PhaseSettings(
        mutation_rate=0.5, steps_per_candidate=35, population=12, diversity_bonus=0.15
    )
    for detector in RESPONSES:
        assert respond(finding(detector), settings, CAMBRIAN)[1], detector
