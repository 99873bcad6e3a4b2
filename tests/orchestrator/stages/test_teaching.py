"""Distillation: when teachers are heard, what they cost, and that they are still there."""

from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.passes import MANY_STEPS
from orchestrator.phases import shares_of
from orchestrator.stages.teaching import chunk_cost, whole_steps
from state.records import PhaseName
from state.results import Outcome
from state.tasks import TrainingTask
from tests.builders import ScriptedRun, make_config
from tests.memory_runs import MemoryEngine, drive, spent_exactly
from tests.phase_ends import config_of


@pytest.mark.parametrize("budget", [600, 2000, 4001])
def test_teachers_cost_whole_member_steps_and_what_is_left_goes_to_homeostasis(
    budget: int,
) -> None:
    config = make_config(budget=budget, control=("gelu",))
    engine = MemoryEngine(ensemble_gain=0.05)
    states = drive(config, engine)
    taught = [task for task in engine.trained() if task.teachers]
    assert {task.phase for task in taught} == {"endosymbiosis"}
    assert {len(task.teachers) for task in taught} == {3}
    for before, after in pairwise(states):
        if before.stage == "generation" and before.phase_index == 4 and before.host:
            cost = books.spent(after.ledger) - books.spent(before.ledger)
            steps = after.host.done_steps - before.host.done_steps if after.host else 0
            assert cost == chunk_cost(before, config, before.host, steps)
            assert cost >= 2 * steps
    ends = [books.line(states[-1].ledger, name) for name in ("endosymbiosis", "homeostasis")]
    parts = books.allot(budget, shares_of(config))
    assert sum(one.settled for one in ends) == parts["endosymbiosis"] + parts["homeostasis"]
    assert ends[0].settled == ends[0].allotted
    assert spent_exactly(states[-1])


def test_an_ensemble_under_the_floor_teaches_nothing() -> None:
    engine = MemoryEngine(ensemble_gain=0.009)
    states = drive(make_config(), engine)
    assert not any(task.teachers for task in engine.trained())
    assert states[-1].ensemble is not None
    assert states[-1].ensemble.distil_weight == 0


def test_a_host_that_passes_often_over_its_text_is_taught_from_a_table() -> None:
    engine, config = MemoryEngine(ensemble_gain=0.05), with_text(20_000)
    states = drive(config, engine)
    taught = [task for task in engine.trained() if task.teachers]
    assert {task.teaching for task in taught} == {"table"}
    weights = {(task.phase, task.teacher_weight) for task in taught}
    assert weights == {("endosymbiosis", 0.5), ("homeostasis", 0.65)}
    assert [task.reads_table for task in taught] == [True, *[False] * (len(taught) - 1)]
    last = states[-1]
    assert last.ensemble is not None
    assert (last.ensemble.teaching, last.ensemble.refused) == ("table", None)
    reading = ceil(3 / 3 * 20_000 / tokens_of_step(config))
    costs: dict[PhaseName, int] = {"endosymbiosis": reading, "homeostasis": 0}
    for phase, beside in costs.items():
        steps = sum(task.steps for task in taught if task.phase == phase)
        assert books.line(last.ledger, phase).settled == steps + beside
    assert spent_exactly(last)


def test_a_chunk_that_is_lost_before_its_first_step_leaves_the_table_to_the_next() -> None:
    engine, config = MemoryEngine(ensemble_gain=0.05), with_text(20_000)
    states = drive(config, engine)
    first = next(state for state in states if state.host and state.host.teachers)
    assert first.host is not None
    assert chunk_cost(first, config, first.host, 0) == 0
    read = first.host.model_copy(update={"table_read": True})
    assert chunk_cost(first, config, read, 10) == 10
    assert chunk_cost(first, config, first.host, 10) > 10
    assert whole_steps(first, config, first.host, 5) == 0


@pytest.mark.parametrize(
    ("changes", "teaching"),
    [({}, "table"), ({"table_gb": 0.001}, "live"), ({"table_gb": 0.03}, "table")],
)
def test_a_table_is_taken_where_it_fits_the_memory(
    changes: dict[str, float], teaching: str
) -> None:
    engine = MemoryEngine(ensemble_gain=0.05)
    drive(with_text(20_000, **changes), engine)
    assert {task.teaching for task in engine.trained() if task.teachers} == {teaching}


def test_a_table_longer_than_what_the_host_reads_is_not_made() -> None:
    engine = MemoryEngine(ensemble_gain=0.05)
    config = with_text(2_000_000, teach_from_passes=0, table_gb=100)
    kept = config.evolution.model_copy(update={"shift_shares": False})
    drive(config.model_copy(update={"evolution": kept}), engine)
    assert {task.teaching for task in engine.trained() if task.teachers} == {"live"}


def test_a_host_that_seldom_passes_over_its_text_is_not_taught() -> None:
    config = with_text(2_000_000)
    passes = refused(config, "passes")
    assert 0 < passes < config.host.teach_from_passes


def test_a_host_that_gets_the_steps_of_its_lineages_is_not_taught_by_them() -> None:
    config = config_of(12.0)
    passes = refused(config, "steps")
    assert passes > config.host.teach_from_passes


def refused(config: RunConfig, reason: str) -> float:
    """Passes of the host of a run whose lineages may not teach for this reason."""
    engine = MemoryEngine(ensemble_gain=0.05)
    last = drive(config, engine)[-1]
    assert not any(task.teachers for task in engine.trained())
    assert last.ensemble is not None
    assert (last.ensemble.refused, last.ensemble.distil_weight) == (reason, 0)
    assert last.ensemble.host_passes is not None
    return last.ensemble.host_passes


@pytest.mark.parametrize(("gain", "expected"), [(0.05, 0.02), (0.0, 0.1)])
def test_lessons_stand_in_for_the_dropout_of_the_host(gain: float, expected: float) -> None:
    engine, config = MemoryEngine(ensemble_gain=gain), with_text(20_000, untaught_dropout=0.1)
    model = config.model.model_copy(update={"dropout": 0.02})
    control = config.host.model_copy(update={"control_dropout": 0.3})
    update = {"model": model, "host": control, "control": ("gelu",)}
    drive(config.model_copy(update=update), engine)
    found = {(task.role, task.dropout) for task in engine.trained()}
    alone = {("host", expected), ("control", 0.3)}
    assert alone < found
    assert {dropout for _, dropout in found - alone} == {0.02}


def test_a_host_without_a_dropout_of_its_own_has_the_model_s() -> None:
    engine = MemoryEngine(ensemble_gain=0.0)
    config = with_text(20_000)
    drive(
        config.model_copy(update={"model": config.model.model_copy(update={"dropout": 0.2})}),
        engine,
    )
    assert {task.dropout for task in engine.trained()} == {0.2}


def with_text(train_tokens: int, **host: float) -> RunConfig:
    config = make_config(budget=MANY_STEPS)
    data = config.data.model_copy(update={"train_tokens": train_tokens})
    settings = config.host.model_copy(update=host)
    return config.model_copy(update={"data": data, "host": settings})


def tokens_of_step(config: RunConfig) -> int:
    return config.optimizer.batch * config.model.block


def test_teachers_stay_on_disk_through_every_commit(tmp_path: Path) -> None:
    class Reading(MemoryEngine):
        read = 0

        def train(self, task: TrainingTask) -> Outcome:
            self.read += sum("bits" in self.weights(one.checkpoint) for one in task.teachers)
            return super().train(task)

    engine = Reading(tmp_path, ensemble_gain=0.05)
    state = ScriptedRun(tmp_path, make_config(budget=600), engine).play()
    assert spent_exactly(state)
    assert engine.read >= 8 * 3
