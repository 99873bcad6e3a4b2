"""What the page computes for itself: places on the axis, intervals, pairs of samples."""

from pathlib import Path

import pytest

from orchestrator.report.final_report import GateSummary, PhaseSummary
from orchestrator.report.page.before_after import MAX_LETTERS, before_and_after
from orchestrator.report.page.clock import clock_of
from orchestrator.report.page.intervals import interval, lead
from orchestrator.report.page.plots import battery_names
from orchestrator.report.quantities import ordinal
from state.genome import parse
from state.records import BatteryReport, Evaluation, MemberRecord, Sample
from state.store_rows import StoredSample
from tests.builders import make_evaluation

RETRY = GateSummary(verdict="retry", reason="worse")


def phase(name: str, steps: int, first: int, generations: int, **fields: object) -> PhaseSummary:
    return PhaseSummary.model_validate(
        {
            "name": name,
            "steps": steps,
            "first_generation": first,
            "generations": generations,
            "bits_per_byte": 2.0,
            **fields,
        }
    )


def member(
    generation: int, steps: int, role: str = "champion", name: str = "cambrian"
) -> MemberRecord:
    return MemberRecord.model_validate(
        {
            "member_id": f"{generation}-{role}-{steps}",
            "phase": name,
            "generation": generation,
            "lineage": 0,
            "role": role,
            "genome": parse("gelu"),
            "steps": steps,
        }
    )


def test_generations_share_what_their_phase_was_charged() -> None:
    phases = [phase("abiogenesis", 10, 0, 1), phase("cambrian", 90, 1, 2, gate=RETRY)]
    members = [member(0, 10), member(1, 20), member(2, 40), member(3, 50, "control", "control")]
    clock = clock_of(phases, members)
    assert clock.generations == {0: (0, 10), 1: (10, 40), 2: (40, 100)}
    assert [(one.start, one.end, one.verdict) for one in clock.spans] == [
        (0, 10, ""),
        (10, 100, "retry"),
    ]
    assert [(one.start, one.end) for one in clock.spans_by_generation] == [(0, 1), (1, 3)]


def test_an_open_phase_stands_at_the_end_as_far_as_it_has_come() -> None:
    clock = clock_of([phase("abiogenesis", 10, 0, 1)], [member(0, 10), member(1, 25)])
    assert [(one.name, one.start, one.end) for one in clock.spans][-1] == ("cambrian", 10, 35)
    assert clock.end(1) == 35
    assert clock.end(7) is None


def test_a_lead_is_told_apart_from_none() -> None:
    one, other = (
        evaluation([2.0 + 0.1 * (n % 5) + more for n in range(40)]) for more in (0.0, 0.3)
    )
    low, high = lead(one, other) or (0, 0)
    assert low == pytest.approx(high) == pytest.approx(other.bits_per_byte - one.bits_per_byte)
    assert lead(one, one) == (0, 0)
    low, high = interval(one) or (0, 0)
    assert low < one.bits_per_byte < high
    assert interval(one) == interval(one)


def test_too_few_stretches_or_other_ones_have_no_interval() -> None:
    assert interval(evaluation([2.0, 2.1])) is None
    assert lead(evaluation([2.0] * 9), evaluation([2.0] * 8)) is None


def evaluation(nats: list[float]) -> Evaluation:
    blocks = tuple((value, 1) for value in nats)
    return make_evaluation(1.0).model_copy(
        update={"blocks": blocks, "nats": sum(nats), "num_bytes": len(nats)}
    )


def sample(generation: int, prompt: str, temperature: float, text: str) -> StoredSample:
    one = Sample(prompt=prompt, temperature=temperature, text=text, ended=True)
    return StoredSample(phase="cambrian", generation=generation, step=10 * generation, sample=one)


def test_the_first_prompt_that_was_asked_at_both_ends_is_shown_for_each_temperature() -> None:
    samples = [
        sample(1, "only early", 0.4, "a"),
        sample(1, "both", 0.4, "b\x1b\n"),
        sample(1, "hot", 1.0, "c"),
        sample(9, "both", 0.4, "x" * (MAX_LETTERS + 5)),
        sample(9, "hot", 1.0, ""),
        sample(9, "only late", 0.7, "d"),
    ]
    pairs = before_and_after(samples, single=False)
    assert [(one.prompt, one.temperature) for one in pairs] == [("both", "0.4"), ("hot", "1")]
    assert pairs[0].first == ("after Cambrian, step 10", "b")
    assert pairs[0].last.text == "x" * MAX_LETTERS + " ..."
    assert pairs[1].last == ("after Cambrian, step 90", "")
    assert before_and_after(samples, single=True)[0].first.when == "step 10"


def test_batteries_are_named_by_phase_and_attempt() -> None:
    reports = [
        battery("oxidation", 1),
        battery("oxidation", 2),
        battery("homeostasis", 3, samples=4),
    ]
    assert battery_names(reports) == ["Oxidation", "Oxidation, 2nd", "at the end"]


def battery(name: str, generation: int, samples: int = 1) -> BatteryReport:
    written = Sample(prompt="p", temperature=1, text="t", ended=True)
    return BatteryReport.model_validate(
        {
            "phase": name,
            "generation": generation,
            "composite": 0.5,
            "probes": (),
            "samples": (written,) * samples,
            "kinds": ("plain",),
            "tokens_per_sec": 1,
        }
    )


def test_ordinals_end_as_people_say_them() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 113)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "113th")
    ]


def test_template_and_style_travel_with_the_package() -> None:
    import orchestrator.report.page as room

    (folder,) = map(Path, room.__path__)
    project = (folder.parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"orchestrator.report.page" = ["*.html.j2", "*.css"]' in project
    assert {"page.html.j2", "page.css"} <= {path.name for path in folder.iterdir()}
