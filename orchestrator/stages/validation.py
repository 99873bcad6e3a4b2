"""The validation gates in a run: what they ask for, and their verdicts. docs/design/gates.md.

Around the functions of a stage, which do not know of them.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import HostState, LineageState, RunState, ValidationState
from orchestrator.stages.conclusion import (
    SECOND_HALF,
    Conclusion,
    Event,
    missing,
    result_of,
    work_of,
)
from orchestrator.stages.current import current_phase
from orchestrator.stages.symbiosis import best_symbiont
from orchestrator.validation.hold import holding
from orchestrator.validation.judge import judge_build, judge_states
from orchestrator.validation.judge_course import (
    first_steps,
    judge_balance,
    judge_course,
    ratio_of,
    weighed,
)
from orchestrator.validation.judge_loss import Reached, judge_loss
from orchestrator.validation.limits import MOST_STEPS, RATIO, Limits, limits_of
from orchestrator.validation.subject import Subject
from state.genome import parse
from state.records import Genome
from state.results import EvaluationResult, TrainingResult
from state.seeds import derive_seed
from state.tasks import EvaluationTask, Task, TrainingTask
from state.validation import Balance, Probe, Stretch, Verdict
from trainer.backbones.names import MIXINGS
from trainer.validation.course import compared_parts
from trainer.widths import num_parameters

FIRST_PHASES = ("abiogenesis", "training")


def asked(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The reading that is due before the phase begins and has no result yet."""
    probe = _probe(state, config)
    return () if probe is None else missing(state, (probe,))


def judged(before: RunState, conclusion: Conclusion, config: RunConfig) -> Conclusion:
    """The conclusion with the verdicts that are due, in its state and as an event."""
    gathered = _gathered(before, conclusion.state, config)
    verdicts = _due(before, conclusion.state.model_copy(update={"validation": gathered}), config)
    if any(one.gate == "G3" for one in verdicts):
        gathered = gathered.model_copy(update={"course": ()})
    kept = gathered.model_copy(update={"verdicts": (*gathered.verdicts, *verdicts)})
    state = conclusion.state.model_copy(update={"validation": kept})
    told = _unbalanced(before.validation.balances, gathered.balances, config)
    events = (*conclusion.events, *told, *([_event(verdicts, config)] if verdicts else []))
    return conclusion.model_copy(update={"state": state, "events": events})


def _probe(state: RunState, config: RunConfig) -> EvaluationTask | None:
    """What a worker is to read of a model, where a phase begins with that."""
    if state.stage != "phase_start":
        return None
    if state.generation == 0:
        seed = derive_seed(config.seed, "init", 0)
        return _task(state, "build", parse(config.first_formula), config.train.init_sha256, seed)
    recurrent = bool(MIXINGS[config.model.backbone].components)
    if current_phase(state, config) != "endosymbiosis" or not recurrent:
        return None
    model = _merging(state)
    return _task(state, "states", model.genome, model.checkpoint, model.init_seed)


def _task(
    state: RunState, probe: Probe, genome: Genome, checkpoint: str | None, seed: int
) -> EvaluationTask:
    return EvaluationTask(
        task_id=_probe_id(state),
        genome=genome,
        checkpoint=checkpoint,
        init_seed=seed,
        splits=(),
        probe=probe,
    )


def _probe_id(state: RunState) -> str:
    return f"g{state.generation:05d}-p{state.phase_index}-gates"


def _merging(state: RunState) -> LineageState | HostState:
    """The host, or the lineage that becomes it."""
    return state.host or best_symbiont(state)


def _gathered(before: RunState, after: RunState, config: RunConfig) -> ValidationState:
    """What a stage adds to what later verdicts are made of."""
    kept = after.validation
    if before.stage == "control":
        return kept.model_copy(update={"reference": _reference(before, config) or kept.reference})
    if before.stage != "generation" or before.phase_index >= len(phases_of(config)):
        return kept
    for task, result in _champions(before):
        balances = _tallied(kept.balances, task.lineage, result.course)
        course = (*kept.course, *result.course) if _g3_is_open(before, kept, config) else ()
        kept = kept.model_copy(update={"balances": balances, "course": course})
    return kept


def _champions(state: RunState) -> list[tuple[TrainingTask, TrainingResult]]:
    """The models that go on, with what their tasks did; not in the order of arrival."""
    tasks = {one.task_id: one for one in work_of(state).tasks if one.role in {"champion", "host"}}
    found = []
    for result in sorted(work_of(state).results, key=lambda one: one.task_id):
        task = tasks.get(result.task_id.removesuffix(SECOND_HALF))
        if task is not None and isinstance(result, TrainingResult) and result.status == "trained":
            found.append((task, result))
    return found


def _tallied(
    balances: Sequence[Balance], lineage: int, course: Sequence[Stretch]
) -> tuple[Balance, ...]:
    """The tallies with what one lineage did, by lineage."""
    known = {one.lineage: one for one in balances}
    known[lineage] = weighed(known.get(lineage, Balance(lineage=lineage)), course)
    return tuple(known[index] for index in sorted(known))


def _unbalanced(
    before: Sequence[Balance], after: Sequence[Balance], config: RunConfig
) -> list[Event]:
    """A line for each lineage whose new ratios of gradient norms are not all in .3 to 3."""
    known = {one.lineage: one for one in before}
    first, second = compared_parts(config.model.backbone)
    found = []
    for one in after:
        old = known.get(one.lineage, Balance(lineage=one.lineage))
        num = one.num - old.num
        outside = num - (one.inside - old.inside)
        if outside:
            data: dict[str, JsonValue] = {
                "parts": f"{first} to {second}",
                "lineage": one.lineage,
                "ratio": ratio_of(one.last),
                "outside": outside,
                "num": num,
                "passes": str(RATIO),
            }
            found.append(Event(kind="gradient_ratio", data=data))
    return found


def _reference(before: RunState, config: RunConfig) -> tuple[tuple[int, float], ...]:
    """The curve of the control arm that has just ended, if it is what others are held against."""
    arm = before.host
    is_one = arm is not None and arm.genome == parse("gelu") and config.model.backbone == "gpt"
    if arm is None or not is_one or not arm.name.startswith("control-"):
        return ()
    return tuple((age, bits) for age, bits, _ in arm.history)


def _g3_is_open(before: RunState, kept: ValidationState, config: RunConfig) -> bool:
    first = current_phase(before, config) in FIRST_PHASES
    return first and not any(one.gate == "G3" for one in kept.verdicts)


def _due(before: RunState, after: RunState, config: RunConfig) -> tuple[Verdict, ...]:
    """The verdicts of the places that this stage has passed."""
    assert config.validation is not None
    limits = limits_of(config.validation.limits)
    found: list[Verdict] = []
    if before.stage == "phase_start":
        found += _before_a_phase(before, config, limits)
    if before.stage == "generation" and before.phase_index < len(phases_of(config)):
        found += _after_training(before, after, config, limits)
    if after.stage == "finale" and before.stage != "finale":
        found.append(_at_the_end(after, config, limits))
    return tuple(found)


def _before_a_phase(before: RunState, config: RunConfig, limits: Limits) -> list[Verdict]:
    reading = result_of(before, _probe_id(before))
    read = reading if isinstance(reading, EvaluationResult) else None
    if before.generation == 0:
        subject = Subject("build", config.seed, config.train.init_sha256)
        build, error = (read.build, read.error) if read else (None, None)
        return [*judge_build(build, limits, subject, error)]
    if current_phase(before, config) != "endosymbiosis":
        return []
    model = _merging(before)
    subject = Subject("merger", config.seed, model.checkpoint)
    if read is not None and read.error:
        states = subject.not_judged("G3.5", read.error)
    else:
        states = judge_states(read.states if read else (), limits, subject)
    index = model.lineage if isinstance(model, HostState) else model.index
    return [states, _balance(before, index, config, limits, subject)]


def _after_training(
    before: RunState, after: RunState, config: RunConfig, limits: Limits
) -> list[Verdict]:
    """G3 and G4 of the first model, once it has its 1,000 steps or its phase is over."""
    kept = after.validation
    steps = sum(one.steps for one in kept.course)
    if not _g3_is_open(before, kept, config):
        return []
    if steps < MOST_STEPS and after.stage == "generation":
        return []
    subject = Subject("training", config.seed, _first_checkpoint(after))
    trained = config.train.init_sha256 is not None
    course = judge_course(first_steps(kept.course), limits, subject, trained_before=trained)
    return [course, _balance(after, 0, config, limits, subject)]


def _first_checkpoint(state: RunState) -> str | None:
    model = state.host or state.final_host or next(iter(state.lineages), None)
    return model.checkpoint if model else None


def _at_the_end(after: RunState, config: RunConfig, limits: Limits) -> Verdict:
    host, winner = after.final_host, after.winner
    curve = tuple((age, bits) for age, bits, _ in host.history) if host else ()
    subject = Subject("end", config.seed, winner.checkpoint if winner else None)
    reached = None
    if winner is not None:
        parameters = num_parameters(config.model, winner.genome)
        reached = Reached(winner.evaluation.nats_per_token, winner.age_steps, parameters)
    return judge_loss(curve, after.validation.reference, limits, subject, reached)


def _balance(
    state: RunState, lineage: int, config: RunConfig, limits: Limits, subject: Subject
) -> Verdict:
    found = [one for one in state.validation.balances if one.lineage == lineage]
    parts = compared_parts(config.model.backbone)
    return judge_balance(found[0] if found else Balance(), parts, limits, subject)


def _event(verdicts: Sequence[Verdict], config: RunConfig) -> Event:
    """One line of the log."""
    told = [f"{one.gate}: {one.reason}" for one in verdicts if one.verdict != "pass"]
    return Event(
        kind="validation",
        data={
            "place": ", ".join(dict.fromkeys(one.place for one in verdicts)),
            "verdicts": ", ".join(f"{one.gate} {one.verdict}" for one in verdicts),
            "reason": "; ".join(told),
            "stops": [one.gate for one in holding(verdicts, config.validation)],
        },
    )
