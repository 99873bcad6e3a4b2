"""Distillation: when teachers are heard, what they cost, and that they are still there."""

from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator import ledger as books
from orchestrator.phases import shares_of
from orchestrator.stages.teaching import chunk_cost
from state.tasks import Outcome, TrainingTask
from tests.builders import ScriptedRun, make_config
from tests.memory_runs import MemoryEngine, drive, spent_exactly


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
