"""The run as a story: each claim is a sentence that a person reads."""

import re

import pytest

from orchestrator.report.final_report import (
    FinalReport,
    GateDeficit,
    GateSummary,
    PhaseSummary,
    SeenFinding,
)
from state.records import Adjustment
from tests.story_builders import (
    DEFICIT,
    PASS,
    RETRY,
    accepted,
    changed,
    decision,
    finding,
    primordial,
    told,
)


def test_a_chapter_says_what_the_phase_began_with_and_came_to(report: FinalReport) -> None:
    text = told(report, report.phases[0])
    assert text.startswith("**Cambrian (diversify and refine): 480 steps, generations 1 to 3**")
    assert "It began with 3 lineages, the best one at 2.2034 bits per byte." in text
    assert "4 challengers, drawn with a mutation rate of 0.5" in text
    assert "trained each member for 20 steps" in text
    assert "It ended at 2.1034 bits per byte, 0.1000 better than it began." in text


def test_a_gate_that_turns_a_phase_down_says_why_and_to_what_the_run_goes_back(
    report: FinalReport, phase: PhaseSummary
) -> None:
    reason = "+3.00% bits per byte; this was the second attempt"
    down = changed(phase, gate=GateSummary(verdict="revert", reason=reason, deficit=DEFICIT))
    text = told(report, primordial(phase, 1.8123, 5, PASS), down)
    assert (
        "The gate turned it down: 3.00 % worse than the best before it (95 % interval: 2.00 % to "
        "4.00 % worse), so by more than the 0.50 % that are allowed. This was the second attempt. "
        "The run went back to the copy of generation 9 of Primordial, 1.8123 bits per byte."
    ) in text


def test_a_second_attempt_is_told_as_one(report: FinalReport, phase: PhaseSummary) -> None:
    text = told(report, changed(phase, gate=RETRY), changed(phase, first_generation=20))
    first, second = text.split("**Cambrian, second attempt")
    assert "The gate sent it back: 3.00 % worse than the best before it" in first
    assert (
        "The phase was begun again from the lineages as it had found them; the factor of the "
        "learning rate went from 1 to 0.5."
    ) in first
    assert second.startswith(" (diversify and refine): 480 steps, generations 20 to 29**")


@pytest.mark.parametrize(
    ("low", "mean", "high", "said"),
    [
        (-0.04, -0.03, -0.02, "3.00 % better than the best before it (95 % interval: 2.00 % to "
         "4.00 % better)."),
        (-0.001, 0.002, 0.0034, "0.20 % worse than the best before it (95 % interval: 0.10 % "
         "better to 0.34 % worse), so not shown to be worse by more than the 0.50 % allowed."),
        (0.0, 0.0, 0.0, "as good as the best before it."),
    ],
)  # fmt: skip
def test_the_interval_of_a_gate_is_told_in_words(
    report: FinalReport, phase: PhaseSummary, low: float, mean: float, high: float, said: str
) -> None:
    deficit = GateDeficit(mean=mean, low=low, high=high, level=0.95, slack=0.005)
    gate = GateSummary(verdict="pass", reason="numbers", deficit=deficit)
    assert f"The gate let it pass: {said}" in told(report, changed(phase, gate=gate))


def test_a_gate_without_figures_gives_its_reason(report: FinalReport, phase: PhaseSummary) -> None:
    gate = GateSummary(verdict="pass", reason="nothing to compare with yet")
    assert "The gate let it pass: nothing to compare with yet." in told(
        report, changed(phase, gate=gate)
    )


def test_the_merger_says_what_the_average_is_worth(
    report: FinalReport, phase: PhaseSummary
) -> None:
    merged = changed(phase, name="endosymbiosis", lineages=(1,), settings={})
    text = told(report, merged)
    assert "Lineage 1, the best one at 2.2034 bits per byte, became the host." in text
    assert (
        "The lineages' average predicts at 2.0500, 0.0400 better than the best of them alone; it "
        "taught the host with weight 0.5."
    ) in text
    assert report.ensemble is not None
    weak = report.ensemble.model_copy(update={"distil_weight": 0.0})
    untaught = told(report, merged, ensemble=weak)
    assert "too small to pay for teachers, so the host learned" in untaught
    seldom = weak.model_copy(update={"refused": "passes", "host_passes": 3.14})
    assert "passes over the text only 3.1 times" in told(report, merged, ensemble=seldom)
    young = weak.model_copy(update={"refused": "steps"})
    assert "the host trains far longer than they did" in told(report, merged, ensemble=young)
    assert "average" not in told(report, merged, ensemble=None)


def test_a_run_that_was_extended_says_so_and_merges_once(
    report: FinalReport, phase: PhaseSummary
) -> None:
    merged = changed(phase, name="endosymbiosis", lineages=(1,), settings={})
    refined = changed(merged, name="homeostasis")
    text = told(report, merged, refined, merged, refined)
    assert text.count("became the host") == text.count("average predicts") == 1
    assert "**Endosymbiosis, once more (merge into one host)" in text
    assert "The run was given more steps; the host went on from before its decay" in text


def test_what_had_to_shrink_is_told_at_the_beginning(
    report: FinalReport, phase: PhaseSummary
) -> None:
    note = "cambrian has 480 steps: population 12 -> 7"
    assert "To fit into its steps: population 12 to 7." in told(report, changed(phase, note=note))
    note = "enough were tried: cambrian trains the lineages without challengers"
    assert "The reason: enough were tried." in told(report, changed(phase, note=note))


def test_equal_lines_are_told_once_with_all_their_generations(
    report: FinalReport, phase: PhaseSummary
) -> None:
    again = tuple(decision(n, "extend", "it still gains") for n in (12, 15))
    text = told(report, changed(phase, decisions=again))
    assert "- Generations 12 and 15: one generation more: it still gains." in text
    assert text.count("one generation more") == 1


def test_a_long_chapter_keeps_what_matters_most_and_says_what_it_leaves_out(
    report: FinalReport, phase: PhaseSummary
) -> None:
    answers = [
        decision(n, "adapt", f"cause {n}", Adjustment(setting="a", before=n, after=n + 1))
        for n in range(10, 18)
    ]
    back = decision(18, "revert", "findings sum to 0.8")
    long = changed(phase, decisions=(*answers, back), findings=tuple(map(finding, (18, 19))))
    text = told(report, long, members=accepted(report, 2))
    lines = [line for line in text.splitlines() if line]
    assert len(lines) <= 12
    assert "the run went back to" in text
    assert text.count("took on") == 2
    assert re.search(r"\n- \d more are in final-report\.json\.\n", text)
    assert "stagnation" not in text


def test_a_report_of_an_older_version_is_still_told(report: FinalReport) -> None:
    old = PhaseSummary(
        name="cambrian",
        steps=480,
        generations=3,
        bits_per_byte=2.1,
        gate=PASS,
        decisions=(decision(2, "adapt", "collapse: it fell"), decision(3, "advance", "enough")),
        findings=(SeenFinding(detector="collapse", severity=0.3, reason="", value=0, limit=1),),
    )
    text = told(report, old, members=())
    assert "Generation 2: collapse: it fell, and no setting changed." in text
    assert "It ended at 2.1000 bits per byte. The gate let it pass: better." in text
    assert told(report) == "No phase has ended."
