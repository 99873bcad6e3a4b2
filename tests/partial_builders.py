"""Partial work for tests: a task, its outcome, and how far it may have come."""

from pydantic import JsonValue

from state.genome import parse
from state.partial import PartialWork, Progress
from state.records import BatteryReport, StepMetrics
from state.results import (
    BaselineResult,
    BatteryResult,
    EnsembleResult,
    EvaluationResult,
    Outcome,
    TrainingResult,
)
from state.run_folder import RunFolder
from state.tasks import (
    BaselineTask,
    BatteryTask,
    EnsembleTask,
    EvaluationTask,
    Task,
)
from tests.task_builders import make_training_task

GELU = parse("gelu")
CONTEXT: dict[str, JsonValue] = {"setup": {"dim": 64}, "environment": {"torch": "2.13.0"}}
TRAINING = make_training_task(task_id="g00001-l0", init_seed=2**127 - 1, steps=40)
REPORT = BatteryReport(
    phase="cambrian", generation=1, composite=0.1, probes=(), samples=(), tokens_per_sec=1 / 3
)
OTHERS: list[tuple[Task, Outcome]] = [
    (
        EvaluationTask(task_id="e", genome=GELU, checkpoint=None, init_seed=0, splits=("search",)),
        Outcome(result=EvaluationResult(task_id="e", evaluation_flops=1e300)),
    ),
    (
        EnsembleTask(task_id="x", models=()),
        Outcome(result=EnsembleResult(task_id="x", disagreement=0.1 + 0.2)),
    ),
    (
        BatteryTask(
            task_id="b", phase="cambrian", generation=1, genome=GELU, checkpoint="0" * 64, seed=3
        ),
        Outcome(result=BatteryResult(task_id="b", report=REPORT)),
    ),
    (BaselineTask(task_id="o"), Outcome(result=BaselineResult(task_id="o", bits_per_byte=2.7))),
]


def row(step: int) -> StepMetrics:
    return StepMetrics(
        phase="cambrian",
        generation=1,
        member_id="g00001-l0",
        step=step,
        loss=None if step % 5 == 0 else 1 / step,
        learning_rate=3e-3,
        grad_norm=0.1,
        clip_coef=None,
        clip_pct=None,
        skipped=step % 5 == 0,
        tokens_per_sec=1000.0,
        ms_per_step=10.5,
    )


def trained(work: PartialWork, weights: bytes = b"weights") -> Outcome:
    result = TrainingResult(
        task_id=TRAINING.task_id,
        status="trained",
        checkpoint=work.objects.publish(weights),
        checkpoint_bytes=len(weights),
        steps=40,
    )
    return Outcome(result=result, rows=tuple(row(step) for step in range(1, 41)))


def progressed(work: PartialWork, steps: int) -> Progress:
    weights = f"weights after {steps}".encode()
    return Progress(
        snapshot=work.objects.publish(weights),
        snapshot_bytes=len(weights),
        rows=tuple(row(step) for step in range(1, steps + 1)),
        switch_jump=-0.1,
        measured_genomes=(GELU, parse("swiglu")),
    )


def names(folder: RunFolder) -> set[str]:
    return {path.stem for path in folder.objects.iterdir()}
