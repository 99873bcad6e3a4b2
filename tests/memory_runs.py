"""Whole runs in memory, stage by stage, with members that fail or turn out worse on demand."""

import hashlib
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Literal

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import with_results
from orchestrator.stages.dispatch import stage_of
from orchestrator.task_runner import failed
from state.objects import ObjectStore
from state.results import Outcome, TaskResult, TrainingResult
from state.tasks import EnsembleTask, Task, TrainingTask
from tests.builders import (
    Quality,
    ScriptedEngine,
    make_evaluation,
    make_state,
    no_penalty,
    no_quality,
)

Fate = Literal["trained", "failed", "quarantined", "not finite"]


def all_well(task: Task) -> Fate:
    """Nothing fails."""
    return "trained"


class MemoryObjects(ObjectStore):
    """Objects by their sha256, without a disk."""

    def __init__(self) -> None:
        super().__init__(Path("unused"))
        self._bytes: dict[str, bytes] = {}

    def publish(self, data: bytes, suffix: str = "safetensors") -> str:
        del suffix
        sha = hashlib.sha256(data).hexdigest()
        self._bytes[sha] = data
        return sha

    def read(self, sha: str) -> bytes:
        return self._bytes[sha]


class MemoryEngine(ScriptedEngine):
    """A `ScriptedEngine` that keeps its weights in memory, or under `folder`.

    `fate` says how a task ends, `worse` by how many bits per byte a training misses, and
    `ensemble_gain` how much better than its best member an ensemble is, and `mean_gain` how much
    better than its weights a running mean of them.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        quality: Quality = no_quality,
        noise: float = 0.01,
        fate: Callable[[Task], Fate] = all_well,
        worse: Callable[[TrainingTask], float] = no_penalty,
        ensemble_gain: float = -0.05,
        mean_gain: float = -0.01,
    ) -> None:
        super().__init__(folder or Path("unused"), quality=quality, noise=noise)
        if folder is None:
            self.objects = MemoryObjects()
        self.fate = fate
        self.penalty = worse
        self.ensemble_gain, self.mean_gain = ensemble_gain, mean_gain
        self.seen: list[Task] = []

    def answer(self, task: Task) -> Outcome:
        self.seen.append(task)
        fate = self.fate(task)
        if fate == "failed":
            return Outcome(result=failed(task, "RuntimeError: the worker died"))
        if fate == "not finite":
            return Outcome(result=failed(task, "ArithmeticError: the loss is not finite"))
        if fate == "quarantined":
            assert isinstance(task, TrainingTask)
            return Outcome(result=quarantined(task))
        outcome = super().answer(task)
        if isinstance(task, EnsembleTask):
            bits = [self.bits(one.checkpoint, one.genome) for one in task.models]
            measured = make_evaluation(min(bits) - self.ensemble_gain)
            result = outcome.result.model_copy(update={"ensemble": measured})
            return Outcome(result=result)
        return outcome

    def trained(self) -> list[TrainingTask]:
        """The training tasks so far."""
        return [task for task in self.seen if isinstance(task, TrainingTask)]


def quarantined(task: TrainingTask) -> TaskResult:
    """Half of the steps ran and were skipped."""
    steps = ceil(task.steps / 2)
    return TrainingResult(
        task_id=task.task_id, status="quarantined", steps=steps, skipped_steps=steps
    )


def advance(config: RunConfig, engine: ScriptedEngine, state: RunState) -> RunState:
    """The state after one more stage, as the controller gets it, without folder and commits."""
    return stage_of(state, config).conclude(worked(config, engine, state), config).state


def worked(config: RunConfig, engine: ScriptedEngine, state: RunState) -> RunState:
    """The state with the open work of its stage done, before the stage concludes."""
    stage = stage_of(state, config)
    if state.work is None:
        state = stage.open_work(state, config)
    while tasks := stage.pending(state, config):
        results = [one.result for one in engine.run(tasks, lambda: False)]
        state = with_results(state, results)
    return state


def drive(
    config: RunConfig,
    engine: ScriptedEngine,
    state: RunState | None = None,
    *,
    until: Callable[[RunState], bool] | None = None,
    max_stages: int = 3000,
) -> list[RunState]:
    """Every state of a run up to its end, or to the first one that `until` wants."""
    states = [state or make_state(config)]
    while states[-1].status == "running" and not (until and until(states[-1])):
        assert len(states) < max_stages, "the run does not end"
        states.append(advance(config, engine, states[-1]))
        check(states[-1])
    return states


def check(state: RunState) -> None:
    """What holds between any two stages."""
    ledger = state.ledger
    assert sum(line.allotted for line in ledger.lines) == ledger.budget
    assert all(line.settled + line.reserved <= line.allotted for line in ledger.lines)
    living = [lineage for lineage in state.lineages if lineage.alive]
    if len(state.lineages) > 1:
        assert len(living) >= 2
    if state.oscillators is not None:
        angles = (state.oscillators.phases, *state.oscillators.history)
        assert all(len(one) == len(living) for one in angles)


def spent_exactly(state: RunState) -> bool:
    """The run is over, nothing is reserved and the budget is settled to the last step."""
    idle = all(line.reserved == 0 for line in state.ledger.lines)
    return state.status == "finished" and idle and books.spent(state.ledger) == state.ledger.budget
