"""What a finding changes in the training of a single model."""

from typing import Literal, NamedTuple

from orchestrator.adaptation import can_change, has_response, respond
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import HostState, PhaseState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.host_progress import host_of, host_progress, steps_left
from state.records import Adjustment, Decision, Finding
from state.results import TrainingResult

# Chunks that a change is given before the next one.
COOLDOWN = 3


class HostDivergedError(RuntimeError):
    """The host could not be trained, not even with half its learning rate."""


class ChunkLostError(RuntimeError):
    """A chunk was lost with its worker or for want of memory, and once more when tried again."""


class Response(NamedTuple):
    """What is done about a chunk, and why."""

    kind: Literal["adapt", "advance", "continue"]
    reason: str
    host: HostState
    phase: PhaseState
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """There is nothing to tell."""
        return self.kind == "continue" and not self.host.lost


def decide(
    state: RunState, config: RunConfig, findings: tuple[Finding, ...], result: TrainingResult
) -> tuple[RunState, Decision]:
    """Answer what the chunk showed, once the last change has had its time.

    Raises:
        HostDivergedError: a second chunk diverged.
        ChunkLostError: a chunk was lost twice in a row.
    """
    response = _response(state, config, findings, result)
    host, phase = response.host, response.phase
    cooldown = COOLDOWN if response.kind == "adapt" else max(0, phase.cooldown_left - 1)
    decision = Decision(
        phase=current_phase(state, config),
        generation=state.generation - 1,
        kind=response.kind,
        reason=response.reason,
        numbers={
            "steps_left": float(steps_left(state, config)),
            "bits_per_byte": host.history[-1][1] if host.history else 0.0,
        },
        adjustments=response.adjustments,
    )
    phase = phase.model_copy(
        update={"cooldown_left": cooldown, "findings": (*phase.findings, *findings)}
    )
    told = () if response.is_quiet else (decision,)
    update = {
        "host": host,
        "phase": phase,
        "decisions": (*state.decisions, *told),
        "last_decision": decision,
    }
    return state.model_copy(update=update), decision


def _response(
    state: RunState, config: RunConfig, findings: tuple[Finding, ...], result: TrainingResult
) -> Response:
    host, phase = host_of(state), phase_of(state)
    if result.status != "trained":
        return after_failure(state, config, result)
    answerable = [finding for finding in findings if _is_answerable(state, config, finding)]
    if not answerable:
        return Response("continue", "nothing calls for a change", host, phase)
    if phase.cooldown_left:
        return Response("continue", "the last change has not had its time yet", host, phase)
    return _answer(state, config, answerable)


def after_failure(state: RunState, config: RunConfig, result: TrainingResult) -> Response:
    """The same chunk again if it was lost, twice at most; if it diverged half the learning rate,
    once. A baseline that diverges again ends with its best model.

    Raises:
        HostDivergedError: it is the second time, and no baseline.
        ChunkLostError: it was lost twice in a row.
    """
    host, phase = host_of(state), phase_of(state)
    if host.lost > 1:
        raise ChunkLostError(
            f"{host.name} could not be trained in {current_phase(state, config)}, twice in a row "
            f"({cause_of(result)}); mend the cause and go on with --resume"
        )
    if result.was_lost:
        return Response("continue", f"{cause_of(result)}; tried again", host, phase)
    if host.failures > 1 and current_phase(state, config) == "control":
        return Response("advance", f"{host.name} diverged twice: {cause_of(result)}", host, phase)
    if host.failures > 1:
        raise HostDivergedError(
            f"{host.name} diverged twice in {current_phase(state, config)}, the second time with "
            f"half its learning rate ({cause_of(result)}); start again with a lower --lr"
        )
    before = phase.settings.lr_scale
    settings = phase.settings.model_copy(update={"lr_scale": before / 2})
    change = Adjustment(setting="lr_scale", before=before, after=before / 2)
    changed = phase.model_copy(update={"settings": settings})
    return Response("adapt", cause_of(result), host, changed, (change,))


def set_back(host: HostState, result: TrainingResult) -> HostState:
    """The model as it was before a chunk that could not be used, which is counted."""
    if result.was_lost:
        return host.model_copy(update={"lost": host.lost + 1})
    return host.model_copy(update={"lost": 0, "failures": host.failures + 1})


def cause_of(result: TrainingResult) -> str:
    """Why a chunk could not be used, in words."""
    return result.error or f"{result.skipped_steps} of {result.steps} steps were unusable"


def _is_answerable(state: RunState, config: RunConfig, finding: Finding) -> bool:
    """The answer is not withheld and would change something."""
    settings, evolution = phase_of(state).settings, config.evolution
    if can_change(finding, settings, _configured(state, config), evolution):
        return True
    return has_response(finding, evolution) and _decays_early(state, config, finding)


def _decays_early(state: RunState, config: RunConfig, finding: Finding) -> bool:
    """Overfitting lets the rate fall from now on, if it does not fall already."""
    now, _ = host_progress(state, config, 0)
    return finding.detector == "host_overfitting" and now < host_of(state).decay_from


def _configured(state: RunState, config: RunConfig) -> PhaseConfig:
    """The phase's ranges; a baseline has those of the last phase."""
    return phases_of(config)[min(state.phase_index, len(phases_of(config)) - 1)]


def _answer(state: RunState, config: RunConfig, findings: list[Finding]) -> Response:
    host, phase = host_of(state), phase_of(state)
    settings = phase.settings
    adjustments: list[Adjustment] = []
    for finding in findings:
        settings, changes = respond(finding, settings, _configured(state, config))
        adjustments += changes
        if _decays_early(state, config, finding):
            host, change = _early_decay(host, host_progress(state, config, 0)[0])
            adjustments.append(change)
    reason = "; ".join(finding.reason for finding in findings)
    phase = phase.model_copy(update={"settings": settings})
    return Response("adapt", reason, host, phase, tuple(adjustments))


def _early_decay(host: HostState, now: float) -> tuple[HostState, Adjustment]:
    change = Adjustment(setting="decay_from", before=host.decay_from, after=now)
    return host.model_copy(update={"decay_from": now}), change
