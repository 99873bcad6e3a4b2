"""What the report says of baselines, and how sure the text is of it."""

from pathlib import Path

import pytest

from orchestrator.commits import Saved
from orchestrator.report.build import build_report
from orchestrator.report.final_report import ControlScore, FinalReport, RunReport
from orchestrator.report.headline import headline
from orchestrator.telemetry import Telemetry
from tests.builders import ScriptedEngine, ScriptedRun, make_config


def said_of(report: FinalReport, bits: float, low: float, high: float) -> str:
    control = ControlScore(name="gelu", bits_per_byte=bits, interval=(low, high))
    return headline(report.model_copy(update={"control": (control,)}))


def test_a_shown_lead_stands_with_its_interval(report: FinalReport) -> None:
    text = said_of(report, 2.15, 0.041, 0.0592)
    assert "beats the control gelu by 0.0500 bits per byte (95 % interval" in text
    assert "+0.0410 to +0.0592" in text


@pytest.mark.parametrize(("bits", "side"), [(2.102, "below"), (2.098, "above")])
def test_an_interval_that_holds_0_shows_nothing(
    report: FinalReport, bits: float, side: str
) -> None:
    text = said_of(report, bits, -0.004, 0.0045)
    assert "**Not shown that this run and the control gelu differ**" in text
    assert f"the run lies 0.0020 bits per byte {side} it" in text
    assert "beats" not in text.partition("order-2 byte model |")[2].partition("It beats")[0]


def test_a_control_that_ended_early_is_no_baseline_of_the_same_budget(report: FinalReport) -> None:
    control = ControlScore(name="gelu", bits_per_byte=2.15, ended_after=500)
    text = headline(report.model_copy(update={"control": (control,)}))
    budget = report.budget.requested
    assert f"**gelu diverged twice and ended after 500 of {budget:,} steps**" in text
    assert "diverged twice" not in said_of(report, 2.15, 0.041, 0.0592)


def test_a_control_that_is_shown_to_win_wins(report: FinalReport) -> None:
    text = said_of(report, 2.05, -0.06, -0.04)
    assert "**The control gelu wins** by 0.0500 bits per byte (95 % interval" in text


def test_each_control_has_its_verdict_the_best_one_first(report: FinalReport) -> None:
    controls = tuple(
        ControlScore(name=name, bits_per_byte=bits, interval=(bits - 2.11, bits - 2.09))
        for name, bits in (("gelu", 2.2), ("swiglu", 2.0))
    )
    text = headline(report.model_copy(update={"control": controls}))
    assert 0 < text.index("The control swiglu wins") < text.index("beats the control gelu")


def test_a_finished_run_has_an_interval_for_each_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: FinalReport
) -> None:
    config = make_config(budget=600, control=("gelu", "swiglu"))
    run = ScriptedRun(tmp_path, config, ScriptedEngine(tmp_path))
    state = run.play()
    common = {name: getattr(report, name) for name in RunReport.model_fields}
    monkeypatch.setattr("orchestrator.report.build.run_report", lambda *_: RunReport(**common))
    built = build_report(run.folder, Saved(config=config, run=state, telemetry=Telemetry()))
    assert state.final is not None
    assert state.final.test is not None
    for control in built.control:
        gap = control.bits_per_byte - state.final.test.bits_per_byte
        # The scripted engine gives every stretch the same loss.
        assert control.interval is not None
        assert list(control.interval) == pytest.approx([gap, gap])
