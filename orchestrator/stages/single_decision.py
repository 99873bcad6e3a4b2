"""What a chunk of a model that trains alone leads to.

Its settings are the user's: what the detectors find is told and not answered. Only a chunk that
diverged halves the learning rate, once.
"""

from orchestrator.config import RunConfig
from orchestrator.detectors.panel import inspect_all
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host import evidence_of
from orchestrator.stages.host_decision import (
    HostDivergedError,
    Response,
    after_failure,
    cause_of,
)
from orchestrator.stages.host_progress import host_of, steps_left
from state.records import Decision, Finding
from state.results import TrainingResult
from state.tasks import TrainingTask


def decide(
    state: RunState, config: RunConfig, task: TrainingTask, result: TrainingResult
) -> tuple[RunState, tuple[Finding, ...], Decision]:
    """The state with what follows from the chunk, what was found in it, and the decision.

    Raises:
        HostDivergedError: a second chunk diverged, or none could be used.
        ChunkLostError: a chunk was lost twice in a row.
    """
    findings = _findings(state, task, result)
    response = _response(state, config, findings, result)
    decision = Decision(
        phase=task.phase,
        generation=task.generation,
        kind=response.kind,
        reason=response.reason,
        numbers={"steps_left": float(steps_left(state, config))},
        adjustments=response.adjustments,
    )
    told = () if response.is_quiet else (decision,)
    phase = response.phase
    update = {
        "phase": phase.model_copy(update={"findings": (*phase.findings, *findings)}),
        "decisions": (*state.decisions, *told),
        "last_decision": decision,
    }
    return state.model_copy(update=update), findings, decision


def _findings(state: RunState, task: TrainingTask, result: TrainingResult) -> tuple[Finding, ...]:
    evidence = evidence_of(host_of(state), result)
    if not task.evaluate:
        # What was measured before has been looked at before.
        evidence = evidence.model_copy(update={"host_history": ()})
    return inspect_all(evidence)


def _response(
    state: RunState, config: RunConfig, findings: tuple[Finding, ...], result: TrainingResult
) -> Response:
    host, phase = host_of(state), phase_of(state)
    if result.status != "trained":
        response = after_failure(state, config, result)
        if steps_left(state, config) == 0 and host.best is None:
            raise HostDivergedError(
                f"{host.name} could not be trained ({cause_of(result)}); "
                "start again with a lower --lr"
            )
        return response
    reasons = "; ".join(finding.reason for finding in findings)
    reason = f"told, not answered: {reasons}" if findings else "nothing calls for a change"
    return Response("continue", reason, host, phase)
