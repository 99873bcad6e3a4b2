"""Abiogenesis: lineage 0 trains on gelu; its last stretch is run several times on other batch
orders, which gives the first estimate of the noise.
"""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.noise import null_differences
from orchestrator.phases import fit_search, phases_of
from orchestrator.run_state import LineageState, OpenWork, PhaseState, Proposal, RunState
from orchestrator.stages.conclusion import (
    Conclusion,
    charge,
    evaluation_of,
    member_record,
    missing,
    phase_of,
    result_of,
    training_result,
    work_of,
)
from orchestrator.stages.current import current_phase
from orchestrator.stages.host_decision import cause_of
from orchestrator.stages.training import Stint, lineage_task
from state.records import MemberRecord
from state.results import TrainingResult
from state.tasks import Task, TrainingTask

TWIN_SHARE = 0.25
MAX_TWINS = 8


class ReferenceDivergedError(RuntimeError):
    """The first model left the numbers that can be trained with: another try ends the same."""


def open_work(state: RunState, config: RunConfig) -> RunState:
    """A stretch of lineage 0 with every core, or at the end its last steps beside their twins.

    What is refunded after that, by a twin that failed, is one more stretch.
    """
    left = books.remaining(state.ledger, current_phase(state, config))
    twins, steps = _null_plan(state, config)
    lead = left - (1 + twins) * steps
    if twins and lead == 0:
        tasks = _null_generation(state, config, twins, steps)
    else:
        tasks = _stretch(state, config, min(lead if lead > 0 else left, config.host.eval_interval))
    cost = sum(task.steps for task in tasks)
    work = OpenWork(
        tasks=tasks,
        proposals=tuple(
            Proposal(task_id=task.task_id, operator=task.role, parents=()) for task in tasks
        ),
        reserved=cost,
    )
    ledger = books.reserve(state.ledger, current_phase(state, config), cost)
    return state.model_copy(update={"work": work, "ledger": ledger})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The tasks that have no result."""
    return missing(state, work_of(state).tasks)


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Lineage 0 goes on from its own run; the twins leave their differences.

    Raises:
        ReferenceDivergedError: its losses are not finite.
        RuntimeError: it failed for another reason.
    """
    phase, work = current_phase(state, config), work_of(state)
    results = {task.task_id: training_result(state, task.task_id) for task in work.tasks}
    steps = sum(result.steps for result in work.results if isinstance(result, TrainingResult))
    ledger = books.settle(charge(state), phase, steps)
    own = results[work.tasks[0].task_id]
    if own is None:
        raise _dead(state, work.tasks[0].task_id)
    lineage = _grown(state.lineages[0], own)
    twins = state.counts.null_evaluated + len(work.tasks) - 1
    update = {
        "ledger": ledger,
        "lineages": (lineage, *state.lineages[1:]),
        "phase": _with_noise(state, [_bits(one) for one in results.values() if one]),
        "counts": state.counts.model_copy(update={"null_evaluated": twins}),
        "known": (lineage.genome,),
        "generation": state.generation + 1,
        "stage": "generation" if books.remaining(ledger, phase) else "phase_end",
        "work": None,
    }
    members = tuple(_row(state, task) for task in work.tasks)
    return Conclusion(state=state.model_copy(update=update), members=members)


def _grown(lineage: LineageState, result: TrainingResult) -> LineageState:
    evaluation = evaluation_of(result.evaluations, "search")
    assert evaluation is not None
    return lineage.model_copy(
        update={
            "checkpoint": result.checkpoint,
            "age_steps": lineage.age_steps + result.steps,
            "evaluation": evaluation,
            "train_loss": result.train_loss,
            "bits_history": (*lineage.bits_history, evaluation.bits_per_byte),
            "train_history": (*lineage.train_history, result.train_loss),
        }
    )


def _with_noise(state: RunState, bits: list[float]) -> PhaseState:
    """The phase with one more best value, and the differences of the twins; `bits[0]` is ours."""
    phase = phase_of(state)
    return phase.model_copy(
        update={
            "null_differences": (*phase.null_differences, *null_differences(bits)),
            "best_history": (*phase.best_history, bits[0]),
        }
    )


def _null_plan(state: RunState, config: RunConfig) -> tuple[int, int]:
    """Number of twins and their steps: Primordial's, so that it can use the estimate."""
    following = phases_of(config)[state.phase_index + 1]
    allotted = books.remaining(state.ledger, following.name)
    fit = fit_search(following, config.evolution, allotted, config.evolution.lineages)
    steps = fit.steps_per_candidate
    total = books.line(state.ledger, current_phase(state, config)).allotted
    twins = min(MAX_TWINS, max(1, int(TWIN_SHARE * total / steps)))
    return (twins, steps) if (1 + twins) * steps < total and fit.null_pairs else (0, 0)


def _stretch(state: RunState, config: RunConfig, steps: int) -> tuple[TrainingTask, ...]:
    stint = Stint("champion", "champion", steps, "train", threads=config.engine.host_threads or 1)
    return (lineage_task(state, config, state.lineages[0], stint, steps),)


def _null_generation(
    state: RunState, config: RunConfig, twins: int, steps: int
) -> tuple[TrainingTask, ...]:
    stints = [Stint("champion", "champion", steps, "train")]
    stints += [
        Stint(f"null{index}", "null", steps, f"null {index}", save=False)
        for index in range(1, twins + 1)
    ]
    cost = (1 + twins) * steps
    return tuple(lineage_task(state, config, state.lineages[0], one, cost) for one in stints)


def _bits(result: TrainingResult) -> float:
    evaluation = evaluation_of(result.evaluations, "search")
    assert evaluation is not None
    return evaluation.bits_per_byte


def _row(state: RunState, task: TrainingTask) -> MemberRecord:
    result = result_of(state, task.task_id)
    assert isinstance(result, TrainingResult)
    return member_record(task, result)


def _dead(state: RunState, task_id: str) -> RuntimeError:
    result = result_of(state, task_id)
    assert isinstance(result, TrainingResult)
    if result.has_diverged:
        return ReferenceDivergedError(
            f"the reference model diverged in {task_id} ({cause_of(result)}); "
            "start again with a lower --lr"
        )
    return RuntimeError(
        f"the reference model failed in {task_id} ({cause_of(result)}); go on with --resume once "
        "the cause is mended"
    )
