"""Runs whose challengers are halved: budget, stops, replay."""

from functools import partial
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.commits import restore
from orchestrator.run_state import RunState
from orchestrator.verification.database import check_database
from orchestrator.verification.files import check_objects
from orchestrator.verification.replayed import replay_checks
from orchestrator.verification.snapshot import Snapshot
from state.commit import load_commit
from state.genome import size
from state.records import Genome
from state.tasks import Task, TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config
from tests.memory_runs import Fate, MemoryEngine, drive, spent_exactly

CROWDED = {"lineages": 2, "halving_steps": 6, "min_population": 6, "min_steps_per_candidate": 6}
SMALL = make_config(budget=900, evolution=CROWDED)


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


def ill_fated(task: Task, period: int) -> Fate:
    """Two in `period + 2` of those who compete come to nothing, first halves and second ones."""
    if not isinstance(task, TrainingTask) or task.role not in ("challenger", "null"):
        return "trained"
    well: list[Fate] = ["trained"] * period
    fates: list[Fate] = ["failed", "quarantined", *well]
    return fates[sum(map(ord, task.task_id)) % len(fates)]


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    lineages=st.integers(2, 4),
    halving_steps=st.integers(2, 8),
    factor=st.integers(2, 5),
    period=st.integers(1, 9),
)
def test_no_step_is_lost_whoever_fails(
    seed: int, lineages: int, halving_steps: int, factor: int, period: int
) -> None:
    evolution = {
        "lineages": lineages,
        "min_population": 3 * lineages,
        "min_steps_per_candidate": 6,
        "halving_steps": halving_steps,
        "halving_factor": factor,
    }
    config = make_config(budget=450 * lineages, seed=seed, evolution=evolution)
    engine = MemoryEngine(quality=larger_is_better, fate=partial(ill_fated, period=period))
    *_, end = drive(config, engine)
    assert spent_exactly(end)


def scripted(folder: Path) -> ScriptedRun:
    return ScriptedRun(folder, SMALL, ScriptedEngine(folder, quality=larger_is_better))


def play_on(run: ScriptedRun) -> RunState:
    """Go on from the last commit, or begin where there is none."""
    if not run.folder.state.exists():
        return run.play()
    record = load_commit(run.folder).record
    return run.play(restore(record).run, record.journal_bytes)


def test_a_run_that_stops_every_few_tasks_ends_like_one_that_did_not(tmp_path: Path) -> None:
    whole = scripted(tmp_path / "whole").play()
    left_open, state = set(), None
    while state is None or state.status == "running":
        run = scripted(tmp_path / "stopped")
        run.engine.stop_after = 3
        state = play_on(run)
        if state.work is not None:
            left_open |= {one.task_id.rpartition("-")[2] for one in state.work.results}
    assert {"c01", "second", "confirm"} <= left_open
    assert digest(state) == digest(whole)


def test_a_run_is_verified_from_its_journals_and_its_store(tmp_path: Path) -> None:
    run = scripted(tmp_path / "run")
    (run.folder.data / "manifest.json").write_text("{}", encoding="utf-8")
    assert run.play().status == "finished"
    now = Snapshot.take(run.folder)
    checks = [*replay_checks(run.folder, now.record), *check_objects(now), *check_database(now)]
    assert {one.status for one in checks} == {"ok"}
