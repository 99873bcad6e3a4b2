"""A run's states follow from its first configuration, its results and its interventions."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config import RunConfig
from orchestrator.extension import extend
from orchestrator.intervention import Intervention, place_of
from orchestrator.replay.journal import IncompleteResults, Row, committed_rows
from orchestrator.replay.states import Replay, ReplayError
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import work_of
from orchestrator.stages.dispatch import stage_of
from orchestrator.verification.replayed import comparable, first_difference
from state.commit import load_commit
from state.records import Genome
from state.results import EvaluationResult, TrainingResult
from state.tasks import Task, TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, make_config, make_state
from tests.memory_runs import Fate, MemoryEngine

ROOT = Path(__file__).parent.parent.parent
CONFIG = make_config(budget=400, control=("gelu",))


class Moment(NamedTuple):
    """Where a run could be left: between stages, planned, or with some of its results."""

    config: RunConfig
    state: RunState
    rows: tuple[Row, ...]


def moments(
    config: RunConfig, engine: ScriptedEngine, start: Moment | None = None
) -> Iterator[Moment]:
    """Every moment of a run to its end, results absorbed one by one, last task first."""
    state, rows = (start.state, start.rows) if start else (make_state(config), ())
    while state.status == "running":
        stage = stage_of(state, config)
        if state.work is None:
            yield Moment(config, state, rows)
            state = stage.open_work(state, config)
        while tasks := stage.pending(state, config):
            yield Moment(config, state, rows)
            (outcome,) = engine.run(tasks[-1:], lambda: False)
            rows = (*rows, outcome.result)
            work = work_of(state)
            work = work.model_copy(update={"results": (*work.results, outcome.result)})
            state = state.model_copy(update={"work": work})
        state = concluded(state, config)
    yield Moment(config, state, rows)


def concluded(state: RunState, config: RunConfig) -> RunState:
    conclusion = stage_of(state, config).conclude(state, config)
    counted = {
        "num_decisions": state.num_decisions + len(conclusion.decisions),
        "num_events": state.num_events + len(conclusion.events),
    }
    return conclusion.state.model_copy(update=counted)


def replayed(moment: Moment, rows: Sequence[Row] | None = None) -> RunState:
    """The state that the rows alone lead to."""
    given_rows = moment.rows if rows is None else rows
    replay = Replay(moment.config, given_rows, place_of(moment.state))
    for _ in replay.stages():
        pass
    return replay.state


def assert_equal_states(found: RunState, expected: RunState) -> None:
    assert first_difference(comparable(expected), comparable(found)) is None


def extended(moment: Moment, budget: int) -> Moment:
    """The run with more steps from this moment on, as a resumption with --budget does it."""
    config, state, _ = extend(moment.config, moment.state, budget)
    row = Intervention(
        kind="extended",
        place=place_of(moment.state),
        before={"budget": moment.config.budget},
        after={"budget": budget},
    )
    return Moment(config, state, (*moment.rows, row))


def test_a_run_is_the_same_run_from_its_results_wherever_it_was_left() -> None:
    for moment in list(moments(CONFIG, MemoryEngine(ensemble_gain=0.05)))[::2]:
        assert_equal_states(replayed(moment), moment.state)


def test_an_extension_takes_the_same_branch_at_the_same_place() -> None:
    engine = MemoryEngine(ensemble_gain=0.05)
    config = make_config(budget=300, control=("gelu",))
    for moment in list(moments(config, engine))[::5]:
        longer = extended(moment, 500)
        *_, end = moments(longer.config, engine, longer)
        assert end.state.extended_count == 1
        assert_equal_states(replayed(end), end.state)


def test_a_finished_run_extended_twice_opens_its_test_split_thrice_in_the_replay_too() -> None:
    engine = MemoryEngine()
    *_, end = moments(make_config(budget=200), engine)
    for budget in (280, 400):
        longer = extended(end, budget)
        *_, end = moments(longer.config, engine, longer)
    assert end.state.test_openings == 3
    assert_equal_states(replayed(end), end.state)


def fails_often(task: Task) -> Fate:
    number = sum(map(ord, task.task_id))
    if task.task_id.startswith("final") or "g00000" in task.task_id:
        return "trained"
    if isinstance(task, TrainingTask) and task.role in ("challenger", "null"):
        return ("failed", "quarantined", "trained")[number % 3]
    return "trained"


def worse_in_cambrian(task: TrainingTask) -> float:
    return 0.5 if task.phase == "cambrian" else 0.0


def test_retried_phases_and_failed_members_are_replayed() -> None:
    engine = MemoryEngine(fate=fails_often, worse=worse_in_cambrian)
    config = make_config(budget=2000, evolution={"endosymbiosis_floor": 0.0})
    *_, end = moments(config, engine)
    assert "retry" in {one.gate.verdict for one in end.state.summaries}
    assert end.state.counts.quarantined > 0
    assert_equal_states(replayed(end), end.state)


def longer_is_better(genome: Genome) -> float:
    return 0.02 * len(genome.formula)


@settings(max_examples=10, deadline=None)
@given(budget=st.integers(60, 2000), seed=st.integers(0, 1000), lineages=st.integers(2, 4))
def test_every_run_is_replayed(budget: int, seed: int, lineages: int) -> None:
    config = make_config(budget=budget, seed=seed, evolution={"lineages": lineages})
    *_, end = moments(config, MemoryEngine(quality=longer_is_better))
    assert_equal_states(replayed(end), end.state)


@pytest.fixture(scope="module")
def whole() -> Moment:
    *_, end = moments(make_config(budget=200), MemoryEngine())
    return end


def test_a_lost_result_is_named(whole: Moment) -> None:
    lost = whole.rows[6]
    assert not isinstance(lost, Intervention)
    with pytest.raises(ReplayError, match=rf"line \d+ is .* where {lost.task_id} \(training\) is"):
        replayed(whole, (*whole.rows[:6], *whole.rows[7:]))


def test_a_result_of_another_kind_is_no_answer(whole: Moment) -> None:
    first = whole.rows[0]
    assert isinstance(first, TrainingResult)
    other = EvaluationResult(task_id=first.task_id)
    with pytest.raises(ReplayError, match=r"line 1 is g\S+ \(evaluation\) where \S+ \(training"):
        replayed(whole, (other, *whole.rows[1:]))


def test_results_that_end_too_early_are_named(whole: Moment) -> None:
    with pytest.raises(ReplayError, match=r"results\.jsonl ends before final-"):
        replayed(whole, whole.rows[:-1])


def test_a_result_too_many_is_not_passed_over(whole: Moment) -> None:
    with pytest.raises(ReplayError, match="finished after"):
        replayed(whole, (*whole.rows, whole.rows[-1]))


def test_a_stage_that_cannot_use_its_results_is_named(whole: Moment) -> None:
    first = whole.rows[0]
    assert isinstance(first, TrainingResult)
    broken = first.model_copy(update={"status": "failed", "error": "RuntimeError: x"})
    with pytest.raises(ReplayError, match="generation 0, in the generation stage of abiogenesis"):
        replayed(whole, (broken, *whole.rows[1:]))


def test_a_difference_is_told_by_its_path() -> None:
    assert first_difference({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == (
        "a.0.b is 1, the replay gives 2"
    )
    assert first_difference({"a": [1]}, {"a": []}) == "a has 1 entries, the replay gives 0"
    assert first_difference({"a": 1.0}, {"a": 1}) is None
    assert first_difference({"a": 1}, {}) == "a is 1, the replay gives None"


def test_replaying_loads_neither_torch_nor_ray_nor_a_database() -> None:
    script = (
        "import sys, orchestrator.replay.states\n"
        "slow = {'torch', 'ray', 'sqlalchemy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {slow}' if slow else 0)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def stopped_run(folder: Path, calls: int) -> ScriptedRun:
    engine = ScriptedEngine(folder)
    engine.stop_after = calls
    run = ScriptedRun(folder, make_config(budget=70), engine)
    run.play()
    engine.stop_after = None
    return run


def test_a_crash_leaves_each_result_once_in_the_journal(tmp_path: Path) -> None:
    run = stopped_run(tmp_path, 5)
    record = load_commit(run.folder).record
    run.engine.crash_at = 9
    state = RunState.model_validate(record.state["run"])
    with pytest.raises(KeyboardInterrupt):
        run.play(state, record.journal_bytes)
    with run.folder.results_jsonl.open("ab") as file:
        file.write(b'{"kind":"training","task_id":"torn')
    record = load_commit(run.folder).record
    state = RunState.model_validate(record.state["run"])
    end = run.play(state, record.journal_bytes)
    record = load_commit(run.folder).record
    assert run.folder.results_jsonl.stat().st_size == record.journal_bytes["results.jsonl"]
    rows = committed_rows(run.folder, record)
    names = [row.task_id for row in rows if not isinstance(row, Intervention)]
    assert len(names) == len(set(names))
    assert_equal_states(replayed(Moment(run.config, end, rows)), end)


def test_a_run_begun_without_a_journal_of_results_still_resumes_and_says_so(
    tmp_path: Path,
) -> None:
    run = stopped_run(tmp_path, 5)
    run.folder.results_jsonl.unlink()
    record = load_commit(run.folder).record
    lengths = {name: size for name, size in record.journal_bytes.items() if name != "results.jsonl"}
    old = record.model_copy(update={"journal_bytes": lengths})
    with pytest.raises(IncompleteResults, match=r"no results\.jsonl.*be resumed, not replayed"):
        committed_rows(run.folder, old)
    end = run.play(RunState.model_validate(record.state["run"]), lengths)
    assert end.status == "finished"
    with pytest.raises(IncompleteResults, match=r"begins with g0000[1-9].*not replayed"):
        committed_rows(run.folder, load_commit(run.folder).record)


def test_a_run_that_an_older_battery_judged_is_not_replayed(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, make_config(budget=600), ScriptedEngine(tmp_path))
    run.play()
    path = run.folder.results_jsonl
    path.write_text(re.sub(r"(-p\d+-battery)-\d+", r"\1", path.read_text("utf-8")), "utf-8")
    record = load_commit(run.folder).record
    lengths = {**record.journal_bytes, path.name: path.stat().st_size}
    old = record.model_copy(update={"journal_bytes": lengths})
    with pytest.raises(IncompleteResults, match=r"judged by an earlier.*resumed, not replayed"):
        Replay.of(run.folder, old)
