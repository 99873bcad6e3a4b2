"""What is planned is what a run then does."""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.planning.outline import likely_allotment, planned_phases
from orchestrator.planning.workload import closing_workload, control_workload, workloads
from orchestrator.run_state import RunState
from state.tasks import BatteryTask, EvaluationTask, TrainingTask
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import config_of


@settings(max_examples=60, deadline=None)
@given(st.integers(60, 200_000), st.floats(0.1, 60), st.sampled_from(["default", "original"]))
def test_every_step_of_the_budget_has_its_place(budget: int, passes: float, preset: str) -> None:
    config = config_of(passes, budget=budget, preset=preset)
    phases = planned_phases(config)
    assert sum(one.steps for one in phases) == budget
    assert sum(one.likely_steps for one in phases) == budget
    for line, work in zip(phases, workloads(config, phases, slots=1), strict=True):
        assert work.member_steps + work.single_steps == line.likely_steps, line.phase


@settings(max_examples=30, deadline=None)
@given(st.integers(200, 50_000), st.integers(1, 16))
def test_slots_make_no_phase_longer_and_no_row_shorter_than_its_share(
    budget: int, slots: int
) -> None:
    config = config_of(30.0, budget=budget)
    phases = planned_phases(config)
    alone = workloads(config, phases, slots=1)
    for one, many in zip(alone, workloads(config, phases, slots=slots), strict=True):
        assert one.member_steps / slots <= many.member_steps + 1 <= one.member_steps + 1
        assert one.single_steps == many.single_steps


class Played(NamedTuple):
    """A whole run of 8,000 steps in memory, whose search goes on to the end of Oxidation."""

    engine: MemoryEngine
    passes: float
    """Over its text."""
    last: RunState


@pytest.fixture(scope="module", params=[6.0, 30.0], ids=["short of steps", "short of text"])
def seen(request: pytest.FixtureRequest) -> Played:
    engine = MemoryEngine()
    states = drive(config_of(request.param, evolution={"idle_after": 0}), engine)
    assert states[-1].status == "finished"
    return Played(engine, request.param, states[-1])


def test_a_run_without_surprises_spends_the_likely_steps(seen: Played) -> None:
    passes = seen.passes
    likely = likely_allotment(config_of(passes)).steps
    spent = {line.phase: line.settled for line in seen.last.ledger.lines}
    for phase, steps in likely.items():
        assert spent[phase] == pytest.approx(steps, rel=0.15, abs=60), phase


def test_a_run_has_as_many_tasks_as_were_planned(seen: Played) -> None:
    engine, passes = seen.engine, seen.passes
    config = config_of(passes)
    work = workloads(config, planned_phases(config), slots=1)
    done = Counter(str(task.phase) for task in engine.seen if isinstance(task, TrainingTask))
    for one in work:
        assert one.member_tasks + one.single_tasks == pytest.approx(done[one.name], rel=0.2, abs=3)
    batteries = [task for task in engine.seen if isinstance(task, BatteryTask)]
    # A lineage may be pruned on the way.
    short = sum(not one.whole for one in batteries)
    assert sum(one.batteries for one in work) in range(short, short + 3)
    assert closing_workload(config).whole_batteries == sum(one.whole for one in batteries)


def test_the_test_split_is_read_as_often_as_planned() -> None:
    config = config_of(30.0, budget=400, control=("gelu", "silu"))
    engine = MemoryEngine()
    drive(config, engine)
    read = sum(
        task.splits.count("test") for task in engine.seen if isinstance(task, EvaluationTask)
    )
    controls = [control_workload(config, name) for name in config.control]
    assert closing_workload(config).test_looks + sum(one.test_looks for one in controls) == read
    trained = Counter(t.role for t in engine.seen if isinstance(t, TrainingTask))["control"]
    assert sum(one.single_tasks for one in controls) == trained


def test_one_model_has_one_phase_with_its_looks_and_samples() -> None:
    config = make_config(mode="train", budget=1000)
    (line,) = planned_phases(config)
    (work,) = workloads(config, [line], slots=1)
    assert (line.phase, line.steps, line.likely_steps) == ("training", 1000, 1000)
    assert (work.single_steps, work.single_looks, work.batteries) == (1000, 15.0, 0)
    assert closing_workload(config).whole_batteries == 0


def test_the_shift_follows_the_length_of_the_text() -> None:
    first = books.allot(8000, {one.phase: one.steps for one in planned_phases(config_of(30.0))})
    often = likely_allotment(config_of(30.0))
    assert often.steps == {**first, "cambrian": 1120, "endosymbiosis": 3000, "homeostasis": 1000}
    short = likely_allotment(config_of(6.0))
    assert short.lean
    assert short.steps["endosymbiosis"] > first["endosymbiosis"]
    assert short.steps["cambrian"] < first["cambrian"]
    unknown = make_config(budget=8000)
    assert likely_allotment(unknown).steps == first
