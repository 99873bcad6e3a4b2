"""What the report holds of each phase, from runs without torch."""

from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator.report.final_report import PhaseSummary
from orchestrator.report.phase_facts import attempts, phase_summaries
from orchestrator.run_state import Gate, RunState
from orchestrator.run_state import PhaseSummary as StatePhase
from state.metrics_store import MetricsStore
from state.records import PhaseName
from tests.builders import ScriptedEngine, ScriptedRun, make_config


class Told(NamedTuple):
    """A finished run and what its report holds of the phases."""

    state: RunState
    phases: tuple[PhaseSummary, ...]
    num_decisions: int
    num_findings: int

    def of(self, name: PhaseName) -> list[PhaseSummary]:
        return [one for one in self.phases if one.name == name]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A run whose Cambrian goes wrong twice."""
    folder: Path = tmp_path_factory.mktemp("facts")
    engine = ScriptedEngine(folder)
    engine.penalty = lambda task: 0.5 if task.phase == "cambrian" else 0.0
    run = ScriptedRun(folder, make_config(budget=4000), engine)
    state = run.play()
    with MetricsStore.open(run.folder.metrics_db, writer=False) as store:
        phases = phase_summaries(state, store)
        shown = [one for one in store.decisions(state.run_id) if one.kind != "continue"]
        return Told(state, phases, len(shown), len(store.findings(state.run_id)))


def test_every_generation_belongs_to_one_attempt(told: Told) -> None:
    spans = [(one.first_generation, one.generations) for one in told.phases]
    reached = 0
    for first, count in spans:
        assert first == reached
        reached += count
    assert reached == told.state.generation


def test_no_finding_and_no_decision_is_lost(told: Told) -> None:
    assert sum(len(one.findings) for one in told.phases) == told.num_findings
    gates_and_the_end = len(told.phases) + 1
    decided = [each for one in told.phases for each in one.decisions if each.kind != "continue"]
    assert len(decided) == told.num_decisions - gates_and_the_end


def test_the_gate_is_told_apart_from_the_decisions_with_its_figures(told: Told) -> None:
    for one, kept in zip(told.phases, told.state.summaries, strict=True):
        assert one.gate is not None
        assert (one.gate.verdict, one.gate.reason) == (kept.gate.verdict, kept.gate.reason)
        assert one.gate.reason not in [each.reason for each in one.decisions]
        found = one.gate.deficit
        assert (found.mean if found else None) == kept.gate.numbers.get("deficit")


def test_a_second_attempt_begins_where_the_first_did_with_what_the_retry_changed(
    told: Told,
) -> None:
    first, second = told.of("cambrian")
    assert first.gate is not None
    assert first.gate.verdict == "retry"
    assert second.start_bits_per_byte == first.start_bits_per_byte
    changed = {one.setting: one.after for one in first.gate.adjustments}
    assert changed["lr_scale"] == 0.5
    assert second.settings["lr_scale"] == 0.5
    assert first.settings["lr_scale"] == 1.0


def test_after_a_revert_the_next_phase_begins_with_the_copy(told: Told) -> None:
    (primordial,), (oxidation,) = told.of("primordial"), told.of("oxidation")
    verdicts = [one.gate.verdict for one in told.of("cambrian") if one.gate]
    assert verdicts == ["retry", "revert"]
    assert oxidation.start_bits_per_byte == primordial.bits_per_byte


def test_a_phase_knows_its_lineages_and_challengers(told: Told) -> None:
    (abiogenesis,), (primordial,) = told.of("abiogenesis"), told.of("primordial")
    assert abiogenesis.lineages == (0,)
    assert abiogenesis.settings == {}
    assert abiogenesis.null_twins > 0
    assert abiogenesis.start_bits_per_byte is None
    assert primordial.lineages == (0, 1, 2)
    assert primordial.settings["population"] == 6
    assert abiogenesis.challengers == 0
    assert primordial.challengers > 0


def test_a_run_of_an_older_version_is_counted() -> None:
    passed = Gate(verdict="pass", reason="")
    facts = {"name": "primordial", "steps": 1, "bits_per_byte": 2.0, "battery": None}
    old = [
        StatePhase.model_validate({**facts, "gate": passed, "generations": count})
        for count in (2, 5, 3)
    ]
    assert [one.first for one in attempts(old)] == [0, 2, 7]
    noted = old[2].model_copy(update={"first_generation": 30})
    assert [one.first for one in attempts((*old[:2], noted, old[0]))] == [0, 2, 30, 33]
