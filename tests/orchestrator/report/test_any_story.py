"""The story of any report that is valid."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.report.final_report import (
    FinalReport,
    GateDeficit,
    GateSummary,
    PhaseSummary,
    SeenFinding,
)
from state.records import Adjustment, Decision
from tests.story_builders import told

HOSTILE = st.text(alphabet="a.*_`#|<>[]()!\\\n\r\t\x1b\u202e&-+ ", max_size=12)
GENERATIONS = st.integers(0, 30)


def adjustments() -> st.SearchStrategy[tuple[Adjustment, ...]]:
    value = st.floats(allow_nan=False, allow_infinity=False)
    one = st.builds(Adjustment, setting=HOSTILE, before=value, after=value)
    return st.lists(one, max_size=2).map(tuple)


def decisions() -> st.SearchStrategy[tuple[Decision, ...]]:
    kinds = ["continue", "advance", "extend", "adapt", "revert", "pass", "retry", "finish"]
    one = st.builds(
        Decision,
        phase=st.just("cambrian"),
        generation=GENERATIONS,
        kind=st.sampled_from(kinds),
        reason=HOSTILE,
        numbers=st.sampled_from([{}, {"passes": 3.0}]),
        adjustments=adjustments(),
    )
    return st.lists(one, max_size=4).map(tuple)


def findings() -> st.SearchStrategy[tuple[SeenFinding, ...]]:
    one = st.builds(
        SeenFinding,
        detector=HOSTILE,
        severity=st.floats(0, 1),
        reason=HOSTILE,
        value=st.just(0.0),
        limit=st.just(0.0),
        lineage=st.none(),
        generation=st.none() | GENERATIONS,
    )
    return st.lists(one, max_size=3).map(tuple)


def gates() -> st.SearchStrategy[GateSummary]:
    share = st.floats(-2, 2)
    deficit = st.builds(GateDeficit, mean=share, low=share, high=share, level=share, slack=share)
    return st.builds(
        GateSummary,
        verdict=st.sampled_from(["pass", "retry", "revert", "not judged"]),
        reason=HOSTILE,
        deficit=st.none() | deficit,
        adjustments=adjustments(),
    )


def phases() -> st.SearchStrategy[tuple[PhaseSummary, ...]]:
    names = ["abiogenesis", "primordial", "cambrian", "oxidation", "endosymbiosis", "homeostasis"]
    bits = st.none() | st.floats(0, 10)
    setting = st.none() | st.booleans() | st.integers() | st.floats(0, 9) | HOSTILE
    keys = st.sampled_from(["population", "steps_per_candidate", "mutation_rate"])
    one = st.builds(
        PhaseSummary,
        name=st.sampled_from(names),
        steps=st.integers(0, 10**7),
        generations=st.integers(0, 20),
        bits_per_byte=bits,
        gate=st.none() | gates(),
        decisions=decisions(),
        findings=findings(),
        first_generation=st.none() | GENERATIONS,
        start_bits_per_byte=bits,
        lineages=st.sampled_from([(), (0,), (0, 1, 2)]),
        challengers=st.integers(0, 40),
        null_twins=st.integers(0, 3),
        settings=st.dictionaries(keys, setting),
        note=HOSTILE,
    )
    return st.lists(one, max_size=2).map(tuple)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_phases=phases())
def test_every_report_has_a_story_that_foreign_text_cannot_leave(
    report: FinalReport, given_phases: tuple[PhaseSummary, ...]
) -> None:
    text = told(report, *given_phases, members=())
    assert not {"\x1b", "\r", "\u202e"} & set(text)
    titles = re.findall(r"^\*\*[^*]+\*\*$", text, re.MULTILINE)
    assert len(titles) == len(given_phases)
    foreign = re.sub(r"^\*\*[^*]+\*\*$|\\.", "", text, flags=re.MULTILINE)
    assert not set("*_`#|<>[]&") & set(foreign)
    assert len(re.findall(r"^- ", text, re.MULTILINE)) <= 9 * len(given_phases)
