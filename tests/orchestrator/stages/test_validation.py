"""The gates in a run: asked at their places and once, whatever interrupts it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.intervention import Intervention, waiver, with_settings
from orchestrator.recorder import Recorder
from orchestrator.replay.states import Replay
from orchestrator.report.validation import validation_of, validation_section
from orchestrator.run_state import RunState
from orchestrator.stages.dispatch import stage_of
from orchestrator.validation.hold import GateFailedError, holding
from orchestrator.verification.replayed import comparable, first_difference
from state.commit import load_commit
from state.results import Outcome
from state.tasks import Task, TrainingTask
from state.validation import Stretch, Verdict
from tests.builders import ScriptedRun, digest, make_config, make_state
from tests.memory_runs import advance, drive, worked
from tests.validation_builders import (
    Course,
    ProbedEngine,
    build_reading,
    falling,
    rising,
    state_reading,
)

GATED: dict[str, object] = {"validation": {}}


def recurrent(**changes: object) -> RunConfig:
    """A gated run of the six phases on two components."""
    model = make_config().model.model_copy(update={"backbone": "gf-mh"})
    return make_config(model=model.model_dump(), **{"budget": 600, **GATED, **changes})


def lopsided(task: TrainingTask) -> tuple[Stretch, ...]:
    """The first component has fifty times the gradient of the second."""
    return tuple(one.model_copy(update={"first": 50.0}) for one in falling(task))


def silent(task: TrainingTask) -> tuple[Stretch, ...]:
    """The first component has none."""
    return tuple(one.model_copy(update={"first": 0.0}) for one in falling(task))


def told(state: RunState) -> list[tuple[str, str, str]]:
    return [(one.place, one.gate, one.verdict) for one in state.validation.verdicts]


def found(state: RunState, gate: str) -> Verdict:
    return [one for one in state.validation.verdicts if one.gate == gate][-1]


def test_each_gate_is_asked_at_its_place() -> None:
    engine = ProbedEngine()
    end = drive(recurrent(), engine)[-1]
    assert told(end) == [
        ("build", "G0", "pass"),
        ("build", "G1", "pass"),
        ("build", "G2", "pass"),
        ("training", "G3", "pass"),
        ("training", "G4", "not judged"),
        ("merger", "G3.5", "pass"),
        ("merger", "G4", "pass"),
        ("end", "G5", "not judged"),
    ]
    assert engine.probes()[0].task_id == "g00000-p0-gates"
    assert len(engine.probes()) == 2
    trained = found(end, "G3.5").checkpoint
    assert trained is not None
    assert engine.probes()[1].checkpoint[:12] == trained  # type: ignore[index]


def test_attention_is_asked_for_no_states_and_a_control_is_its_reference() -> None:
    engine = ProbedEngine()
    end = drive(make_config(control=("gelu",), **GATED), engine)[-1]
    assert [one.probe for one in engine.probes()] == ["build"]
    assert found(end, "G3.5").verdict == "not judged"
    assert end.validation.reference
    assert found(end, "G5").verdict in {"pass", "warn"}


def test_a_run_of_an_older_version_has_no_gates() -> None:
    engine = ProbedEngine()
    end = drive(make_config(), engine)[-1]
    assert (told(end), engine.probes()) == ([], [])


def test_the_gates_change_nothing_else_of_a_run() -> None:
    ends = [drive(config, ProbedEngine())[-1] for config in (make_config(), make_config(**GATED))]
    bare, gated = (one.model_copy(update={"validation": None, "num_events": 0}) for one in ends)
    assert first_difference(comparable(bare), comparable(gated)) is None


def test_one_model_alone_is_asked_after_its_thousandth_step_and_at_its_end() -> None:
    chunks = {"eval_interval": 100, "sample_interval": 0}
    config = make_config(mode="train", budget=1600, train=chunks, **GATED)
    states = drive(config, ProbedEngine())
    first = next(one for one in states if any(v.gate == "G3" for v in one.validation.verdicts))
    assert first.host is not None
    assert first.host.age_steps == 1000
    assert [one[:2] for one in told(states[-1])][3:] == [
        ("training", "G3"),
        ("training", "G4"),
        ("end", "G5"),
    ]


def test_what_the_worker_could_not_read_is_not_judged() -> None:
    class Blind(ProbedEngine):
        def answer(self, task: Task) -> Outcome:
            outcome = super().answer(task)
            if getattr(task, "probe", None) is None:
                return outcome
            lost = {"build": None, "states": (), "status": "failed", "error": "out of memory"}
            result = outcome.result.model_copy(update=lost)
            return outcome.model_copy(update={"result": result})

    end = drive(recurrent(), Blind())[-1]
    assert [found(end, gate).verdict for gate in ("G0", "G1", "G2", "G3.5")] == ["not judged"] * 4
    assert found(end, "G3.5").reason == "out of memory"


def test_a_resumed_run_neither_asks_again_nor_forgets(tmp_path: Path) -> None:
    whole = ProbedEngine()
    end = drive(recurrent(), whole)[-1]
    probes = [number for number, task in enumerate(whole.seen) if task in whole.probes()]
    engine = ProbedEngine(tmp_path)
    run = ScriptedRun(tmp_path, recurrent(), engine)
    state, lengths = None, None
    for stop in (1, probes[1] + 1, None):
        engine.stop_after = stop
        state = run.play(state, lengths)
        lengths = load_commit(run.folder).record.journal_bytes
    assert state is not None
    # Only the controller counts what it has told.
    counts = {"num_events": 0, "num_decisions": 0}
    assert digest(state.model_copy(update=counts)) == digest(end.model_copy(update=counts))
    assert engine.calls == len(whole.seen)
    lines = [json.loads(one) for one in run.folder.events_jsonl.read_text().splitlines()]
    events = [one for one in lines if one["kind"] == "validation"]
    assert [one["place"] for one in events] == ["build", "training", "merger", "end"]
    assert events[0]["verdicts"] == "G0 pass, G1 pass, G2 pass"
    assert events[0]["reason"] == ""


def test_a_loss_that_rises_stops_the_run_until_it_is_waived(tmp_path: Path) -> None:
    engine = ProbedEngine(tmp_path, course=rising)
    run = ScriptedRun(tmp_path, recurrent(), engine)
    with pytest.raises(GateFailedError, match=r"G3 failed: loss .* resume with --waive G3"):
        run.play()
    record = load_commit(run.folder).record
    saved = restore(record)
    assert saved.run.phase_index <= 1
    with pytest.raises(GateFailedError):
        run.play(saved.run, record.journal_bytes)
    change = waiver(saved.config, saved.run, ["g3"])
    run.config = with_settings(saved.config, change.after)
    end = played_with(run, saved.run, record.journal_bytes, change)
    last = load_commit(run.folder).record
    assert (end.status, restore(last).run) == ("finished", end)
    (section,) = validation_section(validation_of(restore(last)))
    assert "| G3 | after the first steps | **fail**, waived |" in section.text
    assert "**Waived:** G3." in section.text
    replayed = Replay.of(run.folder, last)
    list(replayed.stages())
    assert first_difference(comparable(replayed.state), comparable(end)) is None
    assert replayed.config.validation == run.config.validation


def played_with(
    run: ScriptedRun, state: RunState, lengths: dict[str, int], change: Intervention
) -> RunState:
    """Go on after a change that a person made."""
    with closing(Recorder(run.folder, state.run_id)) as recorder:
        recorder.rewind(lengths, state.generation - 1)
        recorder.record_rows([change])
        recorder.sync()
        lengths = recorder.journal_bytes()
    return run.play(state, lengths)


def stopped_by(config: RunConfig, **fault: object) -> list[str]:
    """The gates that let a run go no further; none where it reaches its end."""
    engine = ProbedEngine()
    for name, value in fault.items():
        setattr(engine, name, value)

    def holds(state: RunState) -> bool:
        return bool(holding(state.validation.verdicts, config.validation))

    end = drive(config, engine, until=holds)[-1]
    assert holds(end) != (end.status == "finished")
    return [one.gate for one in holding(end.validation.verdicts, config.validation)]


@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        ({"build": build_reading(not_finite=9, entropy=None)}, "G1"),
        ({"course": silent}, "G4"),
        ({"course": rising}, "G3"),
    ],
)
def test_what_no_run_survives_stops_it(fault: dict[str, object], gate: str) -> None:
    assert stopped_by(recurrent(), **fault) == [gate]
    assert stopped_by(recurrent(validation={"waive": [gate]}), **fault) == []


@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        ({"build": build_reading(split_controls=("<|user|>",))}, "G0"),
        ({"states": (state_reading(cosine=1.0),)}, "G3.5"),
        ({"course": lopsided}, "G4"),
    ],
)
def test_other_failures_warn_unless_gates_are_strict(fault: dict[str, object], gate: str) -> None:
    # Long enough for five ratios, of which fewer fail nothing.
    assert stopped_by(recurrent(budget=8000), **fault) == []
    assert stopped_by(recurrent(budget=8000, validation={"strict": True}), **fault) == [gate]


@pytest.mark.parametrize(("course", "told"), [(falling, False), (lopsided, True)])
def test_ratios_outside_of_their_range_are_told_when_a_hundred_steps_are_done(
    course: Course, told: bool
) -> None:
    config, engine = recurrent(budget=2000), ProbedEngine(course=course)
    told_of: dict[int, list[int]] = {}
    for state in drive(config, engine)[:-1]:
        conclusion = stage_of(state, config).conclude(worked(config, engine, state), config)
        for event in conclusion.events:
            if event.kind == "gradient_ratio":
                assert (event.data["ratio"], event.data["passes"]) == (50.0, "0.3 to 3")
                lineage, outside = event.data["lineage"], event.data["outside"]
                assert isinstance(lineage, int)
                assert isinstance(outside, int)
                told_of.setdefault(lineage, []).append(outside)
    end = drive(config, engine)[-1].validation
    counted = {one.lineage: one.num for one in end.balances if one.num}
    assert counted
    assert {one: sum(all_of) for one, all_of in told_of.items()} == (counted if told else {})


def test_a_run_without_gates_and_one_that_is_finished_waive_nothing() -> None:
    config, engine = make_config(), ProbedEngine()
    begun = advance(config, engine, make_state(config))
    with pytest.raises(ValueError, match="asks no validation gates"):
        waiver(config, begun, ["G4"])
    with pytest.raises(ValueError, match=r"validation\.waive.* G9 is unknown"):
        waiver(make_config(**GATED), begun, ["G9"])
    finished = begun.model_copy(update={"status": "finished"})
    with pytest.raises(ValueError, match="is finished"):
        waiver(make_config(**GATED), finished, ["G4"])
