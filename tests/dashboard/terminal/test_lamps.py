"""Lamps: off, warned or answered, to be read without colour."""

from dataclasses import replace

import pytest

from dashboard.terminal.lamps import detector_lamps, detectors, lamp_line
from dashboard.terminal.layout import Room
from dashboard.terminal.snapshot import RunView
from state.detector_names import DETECTOR_NAMES
from state.records import Decision, Finding
from state.store_rows import StoredFinding
from tests.dashboard.terminal.frames import drawn


def found(
    detector: str, generation: int = 12, phase: str = "cambrian", reason: str = "too few"
) -> StoredFinding:
    finding = Finding(detector=detector, severity=0.2, reason=reason, value=1, limit=2)
    return StoredFinding.model_validate(
        {"phase": phase, "generation": generation, "finding": finding}
    )


def decided(kind: str, reason: str, generation: int = 12, phase: str = "cambrian") -> Decision:
    return Decision.model_validate(
        {"phase": phase, "generation": generation, "kind": kind, "reason": reason}
    )


def states(view: RunView) -> dict[str, str]:
    return {lamp.name: lamp.state for lamp in detector_lamps(view) if lamp.state != "off"}


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (decided("continue", "nothing calls for a change"), "warned"),
        (decided("adapt", "stagnation: too few"), "responded"),
        (decided("adapt", "other; too few"), "responded"),
        (decided("adapt", "collapse: 2 distinct"), "warned"),
        (decided("adapt", "stagnation: too few", generation=11), "warned"),
        (decided("adapt", "stagnation: too few", phase="oxidation"), "warned"),
        (decided("revert", "findings sum to 0.8 and a dormant copy is better"), "responded"),
        (decided("revert", "+2.5% bits per byte against the best so far"), "warned"),
    ],
)
def test_a_lamp_says_whether_the_finding_was_answered(
    view: RunView, decision: Decision, state: str
) -> None:
    one = replace(view, findings=(found("stagnation"),), decisions=(decision,))
    assert states(one) == {"stagnation": state}


def test_only_findings_of_the_current_phase_count(view: RunView) -> None:
    old = replace(view, findings=(found("stagnation", phase="primordial"),), decisions=())
    assert states(old) == {}


def test_a_detector_that_is_not_known_has_a_lamp_of_its_own(view: RunView) -> None:
    lamps = detector_lamps(replace(view, findings=(found("new_kind"),), decisions=()))
    assert [lamp.name for lamp in lamps if lamp.state == "warned"] == ["new kind"]
    assert len(lamps) == len(DETECTOR_NAMES) + 3


def test_what_is_slow_lights_as_long_as_it_holds(view: RunView) -> None:
    slow = replace(view, findings=(), slow=({"kind": "throughput_collapse"},))
    assert states(slow) == {"throughput": "warned"}


def test_a_line_has_a_sign_for_each_lamp_and_names_those_that_are_lit(view: RunView) -> None:
    quiet = detector_lamps(replace(view, findings=()))
    assert lamp_line("detectors", quiet, 80).plain == "detectors  ..............  all quiet"
    one = detector_lamps(replace(view, findings=(found("stagnation"),)))
    assert lamp_line("detectors", one, 80).plain == (
        "detectors  ........!.....  ! stagnation at 12: too few"
    )
    both = (found("stagnation", reason="no gain"), found("collapse"))
    answered = replace(view, findings=both, decisions=(decided("adapt", "collapse: too few"),))
    assert lamp_line("detectors", detector_lamps(answered), 80).plain == (
        "detectors  ...*....!.....  * collapse at 12  ! stagnation at 12"
    )
    assert lamp_line("detectors", detector_lamps(answered), 50).plain == (
        "detectors  ...*....!.....  * collapse at 12"
    )


def test_the_panel_names_every_lamp_and_tells_the_reasons_where_there_is_room(
    view: RunView,
) -> None:
    one = replace(view, findings=(found("stagnation"), found("stagnation", 11)), decisions=())
    shown = drawn(detectors(one, Room(80, 40)), 20)
    assert len(shown) == 8
    assert shown[0].split("  ")[0] == ". host overfitting"
    assert any("! stagnation  generation 11, 2 times" in line for line in shown)
    assert shown[-1] == "! stagnation: too few"
    assert len(drawn(detectors(one, Room(80, 40)), 3)) == 3
    assert len(drawn(detectors(one, Room(40, 40)), 40)) == 15
