"""Small records and an engine without torch, for tests of everything that decides.

`ScriptedEngine` keeps the contract of every engine: a task's outcome is a pure function of the
task. Its "weights" are small JSON objects, so commits, hashes and resumption are the real ones.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path
from typing import Any, assert_never

from orchestrator.config import EngineConfig, RunConfig
from orchestrator.controller import Controller
from orchestrator.recorder import Recorder
from orchestrator.run_state import RunState, first_state
from orchestrator.telemetry import Telemetry
from state.genome import distance, parse
from state.objects import ObjectStore
from state.records import BatteryReport, Evaluation, Genome, Sample, Split, StepMetrics
from state.results import (
    BaselineResult,
    BatteryResult,
    EnsembleResult,
    EvaluationResult,
    Outcome,
    SampleResult,
    TaskResult,
    TrainingResult,
)
from state.run_folder import RunFolder
from state.seeds import generator
from state.tasks import (
    BaselineTask,
    BatteryTask,
    EnsembleTask,
    EvaluationTask,
    SampleTask,
    Task,
    TrainingTask,
)
from trainer.config import OptimizerConfig

NUM_BLOCKS = 16
BLOCK_BYTES = 500
GELU = parse("gelu")

Quality = Callable[[Genome], float]
"""Bits per byte that a genome saves once it has trained."""


def make_config(**changes: object) -> RunConfig:
    """A configuration of 2,000 steps without open values."""
    base = RunConfig(
        budget=2000,
        engine=EngineConfig(engine="inline", device="cpu", workers=2, host_threads=1),
        optimizer=OptimizerConfig(warmup=20),
    )
    return RunConfig.model_validate({**base.model_dump(), **changes})


def make_state(config: RunConfig) -> RunState:
    """The state before anything was trained."""
    return first_state(config, "test-run")


def make_evaluation(bits_per_byte: float, split: Split = "search") -> Evaluation:
    """The same loss on every block."""
    nats = bits_per_byte * log(2) * BLOCK_BYTES
    return Evaluation(
        split=split,
        nats=nats * NUM_BLOCKS,
        tokens=NUM_BLOCKS * BLOCK_BYTES // 2,
        num_bytes=NUM_BLOCKS * BLOCK_BYTES,
        blocks=((nats, BLOCK_BYTES),) * NUM_BLOCKS,
    )


def no_quality(genome: Genome) -> float:
    """Every activation is as good as any other."""
    return 0.0


def no_penalty(task: TrainingTask) -> float:
    """No training turns out worse than its formula says."""
    return 0.0


class ScriptedEngine:
    """Losses fall with age, less a genome's quality, plus noise that depends on the batches.

    Members of one lineage and generation that share their batches share the noise of the order, as
    paired training does; what is a challenger's own grows with the distance from its champion.
    """

    slots = 1

    def __init__(self, folder: Path, *, quality: Quality = no_quality, noise: float = 0.01) -> None:
        self.objects = ObjectStore(RunFolder(folder).objects)
        self.quality = quality
        self.noise = noise
        self.penalty: Callable[[TrainingTask], float] = no_penalty
        self.mean_gain = -0.01
        """Bits per byte by which a running mean of weights is better than they."""
        self.calls = 0
        self.stop_after: int | None = None
        self.crash_at: int | None = None

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        outcomes = []
        for task in tasks:
            if should_stop():
                break
            self.calls += 1
            if self.calls == self.crash_at:
                raise KeyboardInterrupt
            outcomes.append(self.answer(task))
        return outcomes

    def close(self) -> None:
        return None

    def stopping(self) -> bool:
        """Ask for a clean stop once `stop_after` tasks were run."""
        return self.stop_after is not None and self.calls >= self.stop_after

    def answer(self, task: Task) -> Outcome:
        """The outcome of any task."""
        match task:
            case TrainingTask():
                return self.train(task)
            case EvaluationTask():
                result: TaskResult = EvaluationResult(
                    task_id=task.task_id,
                    evaluations=tuple(
                        make_evaluation(self.bits(task.checkpoint, task.genome), split)
                        for split in task.splits
                    ),
                )
            case EnsembleTask():
                bits = [self.bits(one.checkpoint, one.genome) for one in task.models]
                result = EnsembleResult(
                    task_id=task.task_id,
                    ensemble=make_evaluation(min(bits) - 0.05),
                    members=tuple(make_evaluation(value) for value in bits),
                    disagreement=0.2,
                )
            case BatteryTask():
                report = BatteryReport(
                    phase=task.phase,
                    generation=task.generation,
                    composite=0.5,
                    probes=(),
                    samples=(),
                    tokens_per_sec=1.0,
                )
                result = BatteryResult(task_id=task.task_id, report=report)
            case SampleTask():
                sample = Sample(prompt="Once", temperature=0.8, text="upon", ended=False)
                result = SampleResult(task_id=task.task_id, sample=sample)
            case BaselineTask():
                result = BaselineResult(task_id=task.task_id, bits_per_byte=2.7)
            case _:
                assert_never(task)
        return Outcome(result=result)

    def train(self, task: TrainingTask) -> Outcome:
        """Age the parent and measure it."""
        age = self.age(task.parent) + task.steps
        key = task.batches
        shared = generator(key.seed, "shared", key.lineage, key.generation, key.purpose)
        own = generator(key.seed, "own", task.second_half_of or task.task_id, key.purpose)
        apart = self.apart(task)
        noise = self.noise * (shared.standard_normal() + 0.6 * apart * own.standard_normal())
        bits = 2.0 + 2.0 * exp(-age / 400) - self.quality(task.genome) + noise
        bits += self.penalty(task)
        weights = {"age": age, "formula": task.genome.formula, "bits": bits, "apart": apart}
        sha = self.objects.publish(json.dumps(weights).encode()) if task.save else None
        result = TrainingResult(
            task_id=task.task_id,
            status="trained",
            checkpoint=sha,
            steps=task.steps,
            tokens=task.steps * 10,
            training_flops=task.steps * 1e6,
            train_loss=bits,
            evaluations=tuple(make_evaluation(bits, split) for split in task.evaluate),
            **self.consensus(task),
            **self.averaged(task, {**weights, "bits": bits - self.mean_gain, "mean": True}),
        )
        return Outcome(result=result, rows=self.rows(task, bits))

    def consensus(self, task: TrainingTask) -> dict[str, Any]:
        """What a champion leaves of its lineage's running mean: how often it was moved."""
        if task.fusion is None:
            return {}
        moves = int(self.weights(task.fusion.mean)["moves"]) if task.fusion.mean else 0
        if task.role != "champion" or not task.save:
            return {}
        data = json.dumps({"parent": task.parent, "moves": moves + 1}).encode()
        sha = self.objects.publish(data)
        return {"consensus": sha, "consensus_bytes": len(data), "consensus_entropy": 4.5}

    def averaged(self, task: TrainingTask, weights: dict[str, Any]) -> dict[str, Any]:
        """What a task leaves of the running mean of its weights."""
        if not task.publishes_mean or not task.save:
            return {}
        data = json.dumps(weights).encode()
        measured = tuple(make_evaluation(weights["bits"], split) for split in task.evaluate)
        sha = self.objects.publish(data)
        return {"averaged": sha, "averaged_bytes": len(data), "averaged_evaluations": measured}

    def rows(self, task: TrainingTask, loss: float) -> tuple[StepMetrics, ...]:
        """One row, of the last step."""
        if not task.steps:
            return ()
        return (
            StepMetrics(
                phase=task.phase,
                generation=task.generation,
                member_id=task.second_half_of or task.task_id,
                step=task.first_step + task.steps - 1,
                loss=loss,
                learning_rate=0.001,
                grad_norm=1.0,
                clip_coef=1.0,
                clip_pct=0.0,
                skipped=False,
                tokens_per_sec=1.0,
                ms_per_step=1.0,
            ),
        )

    def age(self, checkpoint: str | None) -> int:
        """Steps behind a checkpoint."""
        return int(self.weights(checkpoint)["age"]) if checkpoint else 0

    def apart(self, task: TrainingTask) -> float:
        """How far the member is from its champion, at most 1."""
        if task.second_half_of is not None and task.parent is not None:
            return float(self.weights(task.parent)["apart"])
        return min(1.0, distance(task.genome, task.parent_genome))

    def bits(self, checkpoint: str | None, genome: Genome) -> float:
        """Loss of a checkpoint."""
        if checkpoint is None:
            return 4.0
        weights = self.weights(checkpoint)
        assert weights["formula"] == genome.formula, "a checkpoint was read with another formula"
        return float(weights["bits"])

    def weights(self, checkpoint: str) -> dict[str, float | str]:
        """The JSON behind a hash."""
        loaded: dict[str, float | str] = json.loads(self.objects.read(checkpoint))
        return loaded


class ScriptedRun:
    """A run folder driven by a `ScriptedEngine`, as the controller would drive the real one."""

    def __init__(self, folder: Path, config: RunConfig, engine: ScriptedEngine) -> None:
        self.folder = RunFolder(folder)
        self.folder.create()
        self.config = config
        self.engine = engine

    def play(
        self, state: RunState | None = None, journal_bytes: dict[str, int] | None = None
    ) -> RunState:
        """Go on from `state`, or begin, until the run or the engine stops."""
        start = state or make_state(self.config)
        recorder = Recorder(self.folder, start.run_id)
        try:
            last = start.generation if start.work else start.generation - 1
            recorder.rewind(journal_bytes or {}, last)
            controller = Controller(
                self.config,
                start,
                folder=self.folder,
                engine=self.engine,
                recorder=recorder,
                telemetry=Telemetry(),
                should_stop=self.engine.stopping,
                started_at=0.0,
            )
            return controller.run()
        finally:
            recorder.close()


def digest(state: RunState) -> str:
    """Hash of everything in a state but how often it was resumed."""
    text = state.model_copy(update={"resumed_count": 0}).model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()
