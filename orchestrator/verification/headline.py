"""The figure that the run is read for, measured again on the saved bytes."""

from typing import NamedTuple

from orchestrator.environment import differences, environment_of
from orchestrator.replay.objects import makers_of
from orchestrator.replay.states import Replay
from orchestrator.resolve import worker_setup
from orchestrator.run_state import Dormant
from orchestrator.verification.check import Check, failed, passed, skipped
from orchestrator.verification.snapshot import Snapshot
from state.progress import SILENT, Reporter
from state.records import Evaluation, Split
from state.results import EvaluationResult
from state.seeds import derive_seed
from state.tasks import EvaluationTask


class Claim(NamedTuple):
    """A model and what the run says of it."""

    model: Dormant
    evaluations: tuple[Evaluation, ...]
    threads: int | None
    """With how many it was measured: they are part of what fixes the bits. None: not on record."""


def check_headline(now: Snapshot, progress: Reporter = SILENT) -> list[Check]:
    """Bits per byte of the winner, or of the best copy so far, compared exactly.

    The test split is read only where the run has opened it: that figure is published already.
    """
    claim = claim_of(now)
    if claim is None:
        return [skipped("headline", "no model was kept yet")]
    if claim.threads is None:
        return [skipped("headline", "the task that measured the best copy so far is not on record")]
    try:
        measured = measure(now, claim, progress)
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        return [failed("headline", f"the model cannot be measured: {error}")]
    return [
        _compared(now, expected, found)
        for expected, found in zip(claim.evaluations, measured, strict=True)
    ]


def claim_of(now: Snapshot) -> Claim | None:
    """What the run would answer if asked now; None before it has kept a model."""
    state, host_threads = now.saved.run, now.saved.config.engine.host_threads or 1
    if state.winner is not None and state.final is not None:
        figures = [one for one in (state.final.search, state.final.test) if one is not None]
        return Claim(state.winner, tuple(figures), host_threads)
    alone = now.saved.config.mode == "train" and state.host is not None and state.host.best
    kept = [alone] if alone else state.dormant
    if not kept:
        return None
    best = min(kept, key=lambda one: one.evaluation.bits_per_byte)
    return Claim(best, (best.evaluation,), _threads(now, best.checkpoint))


def _threads(now: Snapshot, checkpoint: str) -> int | None:
    """Of the task that trained and measured the checkpoint."""
    try:
        makers = makers_of(Replay.of(now.folder, now.record).stages())
    except ValueError:
        return None
    return makers[checkpoint].task.threads if checkpoint in makers else None


def measure(now: Snapshot, claim: Claim, progress: Reporter = SILENT) -> tuple[Evaluation, ...]:
    """The claim's splits, evaluated in this process; writes nothing."""
    from trainer.execution import TaskExecutor

    config = now.saved.config
    splits: tuple[Split, ...] = tuple(one.split for one in claim.evaluations)
    task = EvaluationTask(
        task_id="verify-headline",
        genome=claim.model.genome,
        checkpoint=claim.model.checkpoint,
        init_seed=derive_seed(config.seed, "init", claim.model.lineage),
        splits=splits,
        threads=claim.threads or 1,
    )
    executor = TaskExecutor(worker_setup(config, now.folder), progress=progress)
    result = executor.execute(task).result
    assert isinstance(result, EvaluationResult)
    return result.evaluations


def _compared(now: Snapshot, expected: Evaluation, found: Evaluation) -> Check:
    name, claimed = f"headline ({expected.split})", expected.bits_per_byte
    if found == expected:
        return passed(name, f"{claimed:.6f} bits per byte, the same to the last bit")
    here = environment_of(now.saved.config.engine)
    changed = differences(now.record.environment, here)
    where = "; this is another environment: " + ", ".join(changed) if changed else ""
    return failed(name, f"{claimed!r} was claimed, {found.bits_per_byte!r} is measured{where}")
