"""Measuring and judging every gate of a run's best model."""

from contextlib import closing
from typing import TYPE_CHECKING

from orchestrator.analysis.gates.history import History, Reference
from orchestrator.opened_model import OpenedModel
from orchestrator.validation.judge import judge_build, judge_states
from orchestrator.validation.judge_course import judge_balance, judge_course
from orchestrator.validation.judge_loss import Reached, judge_baseline, judge_loss
from orchestrator.validation.limits import Limits
from orchestrator.validation.subject import Subject
from state.genome import parse
from state.results import EvaluationResult
from state.seeds import derive_seed
from state.tasks import EvaluationTask
from state.validation import Probe, Verdict
from trainer.validation.course import compared_parts
from trainer.widths import num_parameters

if TYPE_CHECKING:
    from trainer.execution import TaskExecutor


def gates_of(
    opened: OpenedModel, limits: Limits, reference: Reference | None = None
) -> tuple[Verdict, ...]:
    """G0 to G5 in order; G3.6 where the limits know it."""
    from trainer.execution import TaskExecutor

    executor = TaskExecutor(opened.setup)
    subject = Subject("scaling", opened.saved.config.seed, opened.best.checkpoint)
    states = _read(executor, opened, "states").states
    with closing(History(opened.folder, opened.saved)) as history:
        reference = reference or history.control()
        return (
            *_build(executor, opened, limits),
            _course(history, limits, subject, reference),
            judge_states(states, limits, subject),
            *_reached(opened, history, limits, subject, reference),
        )


def _build(executor: "TaskExecutor", opened: OpenedModel, limits: Limits) -> tuple[Verdict, ...]:
    """G0 to G2, of the model as it was before its first step."""
    config = opened.saved.config
    subject = Subject("scaling", config.seed, config.train.init_sha256)
    return judge_build(_read(executor, opened, "build").build, limits, subject)


def _read(executor: "TaskExecutor", opened: OpenedModel, probe: Probe) -> EvaluationResult:
    """What a worker would read."""
    config, best = opened.saved.config, opened.best
    first = probe == "build"
    task = EvaluationTask(
        task_id=probe,
        genome=parse(config.first_formula) if first else best.genome,
        checkpoint=config.train.init_sha256 if first else best.checkpoint,
        init_seed=derive_seed(config.seed, "init", 0),
        splits=(),
        probe=probe,
    )
    result = executor.execute(task).result
    assert isinstance(result, EvaluationResult)
    return result


def _course(
    history: History, limits: Limits, subject: Subject, reference: Reference | None
) -> Verdict:
    return judge_course(
        history.first_course(),
        limits,
        subject,
        reference_norm=reference.grad_norm if reference else None,
        trained_before=history.saved.config.train.init_sha256 is not None,
    )


def _reached(
    opened: OpenedModel,
    history: History,
    limits: Limits,
    subject: Subject,
    reference: Reference | None,
) -> tuple[Verdict, ...]:
    """G3.6, G4 and G5: what the whole life of the model has come to."""
    config, best = opened.saved.config, opened.best
    balance = history.balance(best.lineage)
    parts = compared_parts(config.model.backbone)
    curve = history.curve(best.lineage)
    reached = Reached(
        best.evaluation.nats_per_token,
        best.age_steps,
        num_parameters(config.model, best.genome),
    )
    asked = limits.baseline_nats is not None
    return (
        *((judge_baseline(curve, reached, limits, subject),) if asked else ()),
        judge_balance(balance, parts, limits, subject),
        judge_loss(curve, reference.curve if reference else (), limits, subject, reached),
    )
