"""What happened in a phase, a line each."""

import pytest

from orchestrator.report.final_report import (
    FinalReport,
    LostLineage,
    PhaseSummary,
    SlownessSummary,
)
from orchestrator.slowness.throughput import Collapse
from orchestrator.slowness.watchdog import LatePhase
from state.records import Adjustment, Synchrony
from tests.story_builders import PASS, RETRY, accepted, changed, decision, finding, primordial, told


def test_what_was_found_is_told_with_what_changed_and_what_came_of_it(
    report: FinalReport,
) -> None:
    assert (
        "- Generation 2: population collapse (mean distance fell) was found, so the mutation rate "
        "went from 0.5 to 0.7. It was gone in the next generation."
    ) in told(report, report.phases[0])


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ((12, 13, 14), "It was gone 3 generations later."),
        ((12, 14), "It was gone in the next generation and back in generation 14."),
        (tuple(range(12, 20)), "It was still there in generation 19."),
    ],
)
def test_a_finding_is_followed_until_it_clears(
    report: FinalReport, phase: PhaseSummary, seen: tuple[int, ...], outcome: str
) -> None:
    answer = decision(
        12, "adapt", "stagnation: no gain", Adjustment(setting="a", before=1, after=2)
    )
    found = changed(phase, decisions=(answer,), findings=tuple(map(finding, seen)))
    assert f"so the a went from 1 to 2. {outcome}" in told(report, found)


def test_nothing_is_claimed_of_a_finding_after_the_search_has_ended(
    report: FinalReport, phase: PhaseSummary
) -> None:
    decisions = (decision(12, "adapt", "stagnation: no gain"), decision(12, "advance", "enough"))
    text = told(report, changed(phase, decisions=decisions, findings=(finding(12),)))
    assert "stagnation (no gain) was found, and no setting changed.\n" in text
    assert "was gone" not in text


def test_two_findings_of_one_answer_are_followed_apart(
    report: FinalReport, phase: PhaseSummary
) -> None:
    answer = decision(12, "adapt", "stagnation: no gain; transfer: a jump")
    seen = (finding(12), finding(13), finding(12, "transfer", "a jump"))
    text = told(report, changed(phase, decisions=(answer,), findings=seen))
    assert "stagnation (no gain) and transfer interference (a jump) were found" in text
    assert (
        "Stagnation was gone 2 generations later and transfer interference was gone in the next "
        "generation."
    ) in text


def test_findings_that_nobody_answered_are_one_line(
    report: FinalReport, phase: PhaseSummary
) -> None:
    text = told(report, changed(phase, findings=tuple(map(finding, (12, 13, 14, 17)))))
    assert (
        "- Generation 12: stagnation (no gain) was found, also in generations 13, 14 and 17; "
        "nothing was changed because of it.\n"
    ) in text
    assert text.count("stagnation") == 1


def test_the_end_of_the_search_is_told_once(report: FinalReport, phase: PhaseSummary) -> None:
    decisions = tuple(decision(n, "advance", f"{19 - n} steps are left") for n in (17, 18, 19))
    text = told(report, changed(phase, decisions=decisions))
    assert "- Generation 17: the search ended: 2 steps are left." in text
    assert text.count("the search ended") == 1


def test_what_the_run_is_short_of_is_told_with_the_steps_that_moved(
    report: FinalReport, phase: PhaseSummary
) -> None:
    moved = Adjustment(setting="oxidation steps", before=1920, after=800)
    shift = decision(19, "adapt", "short of steps: 3 passes", moved)
    shift = shift.model_copy(update={"numbers": {"passes": 3.0}})
    assert (
        "- Generation 19: the run is short of steps: 3 passes; the steps of Oxidation went from "
        "1,920 to 800."
    ) in told(report, changed(phase, decisions=(shift,)))


def test_a_change_beside_a_decision_to_go_on_is_told_without_its_stock_reason(
    report: FinalReport, phase: PhaseSummary
) -> None:
    grown = Adjustment(setting="population_scale", before=1.0, after=1.125)
    going_on = decision(12, "continue", "nothing calls for a change", grown)
    text = told(report, changed(phase, decisions=(going_on,)))
    assert "- Generation 12: the factor of the population went from 1 to 1.125.\n" in text


def test_accepted_genomes_are_told_with_lineage_and_gain(report: FinalReport) -> None:
    assert (
        "- Generation 2: lineage 1 took on `0.8*relu(x)*silu(x) + 0.2*x` (inject gate): 0.0213 "
        "bits per byte better than its champion, where 0.0101 were needed."
    ) in told(report, report.phases[0])


def test_of_many_accepted_genomes_the_best_three_are_told(
    report: FinalReport, phase: PhaseSummary
) -> None:
    text = told(report, phase, members=accepted(report, 8))
    assert text.count("took on") == 3
    assert "Generation 17: lineage 1 took on" in text
    assert "5 more genomes were accepted, with smaller gains, in generations 10 to 14" in text


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.004, "; the best gained 0.0040, where 0.0101 were needed"),
        (-0.002, "; not one was better than its champion"),
        (0.02, "; the best gained 0.0200, which its second run did not confirm"),
    ],
)
def test_a_phase_that_accepted_nothing_says_how_close_it_came(
    report: FinalReport, phase: PhaseSummary, gain: float, said: str
) -> None:
    best = report.members[0].model_copy(
        update={"generation": 12, "gain": gain, "status": "trained"}
    )
    text = told(report, changed(phase, challengers=40), members=(best,))
    assert f"- Generation 19: none of 40 challengers was accepted{said}." in text


def test_a_lost_lineage_and_lineages_in_step_are_told(
    report: FinalReport, phase: PhaseSummary
) -> None:
    step = Synchrony(generation=15, r=0.93, psi=0, phases=(0, 0), null_quantile=0.9, locked=True)
    lost = changed(phase, lost=(LostLineage(lineage=2, generation=14),))
    text = told(report, lost, synchrony=(step, step.model_copy(update={"generation": 16})))
    assert "- Generation 14: lineage 2 was given up, too far behind the best." in text
    assert "- Generation 15: the lineages were in step (r = 0.93)." in text
    assert text.count("in step") == 1


def test_slowness_is_told_in_the_phase_in_which_it_was_noticed(
    report: FinalReport, phase: PhaseSummary
) -> None:
    slowness = SlownessSummary(
        late_phases=(
            LatePhase(phase="cambrian", generation=13, elapsed_seconds=312, planned_seconds=120),
        ),
        collapses=(
            Collapse(
                phase="cambrian",
                generation=14,
                times=2,
                tokens_per_sec=2600,
                usual_tokens_per_sec=7000,
                alarmed=4,
                members=4,
            ),
        ),
    )
    second = changed(phase, first_generation=20)
    text = told(report, phase, second, slowness=slowness)
    first, other = text.split("**Cambrian, second attempt")
    for line in (
        "the phase was slow: it took 5 min 12 s, where the pace before it planned 2 min 00 s.",
        "throughput collapsed, 2 times in the phase: 2,600 tokens/s, where 7,000 were usual.",
    ):
        assert line in first
        assert line not in other


def test_a_run_that_goes_back_says_to_what(report: FinalReport, phase: PhaseSummary) -> None:
    before = (
        primordial(phase, 1.9, 0, PASS),
        primordial(phase, 1.7, 5, RETRY),
        primordial(phase, 1.8123, 10, PASS),
    )
    back = decision(21, "revert", "findings sum to 0.8")
    text = told(report, *before, changed(phase, decisions=(back,), first_generation=15))
    assert (
        "- Generation 21: the run went back to the copy of generation 14 of Primordial, 1.8123 "
        "bits per byte: findings sum to 0.8."
    ) in text
