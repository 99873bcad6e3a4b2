"""A challenger window of `train`: the model meets other activations for a few steps.

All start from one checkpoint and train on the same batches at the same rates, the model among
them. docs/design/controls.md.
"""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.draw import Challenger, draw_challengers
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import LineageState, OpenWork, PhaseSettings, Proposal, RunState
from orchestrator.schedule import single_span
from orchestrator.stages.challenge_outcome import (
    best_rival,
    is_better,
    member_records,
    progress,
    results_of,
    succeeded,
    takeover,
)
from orchestrator.stages.conclusion import Conclusion, charge, missing, work_of
from orchestrator.stages.host_progress import host_of, steps_left
from orchestrator.stages.host_task import host_task
from orchestrator.stages.single import trained
from orchestrator.stages.single_decision import decide
from state.seeds import generator
from state.tasks import Task, TrainingTask

ALARM_REST = 1000
"""Steps of the model's age between a window and the next one that an alarm opens."""
DRAWN = PhaseSettings(mutation_rate=1.0, max_depth=5, max_nodes=12, diversity_bonus=0.15)
"""As in Cambrian; there is nobody to migrate."""


def concerns(state: RunState, config: RunConfig) -> bool:
    """The open work is a window, or the next work is to be one."""
    if state.work is not None:
        return any(task.role == "challenger" for task in state.work.tasks)
    return is_due(state, config)


def is_due(state: RunState, config: RunConfig) -> bool:
    """Its age has come or a chart has alarmed, and the budget holds the window twice."""
    asked, host = config.train.challenge, host_of(state)
    if steps_left(state, config) < 2 * asked.steps:
        return False
    since = host.age_steps - host.challenged_age
    of_age = asked.interval is not None and host.age_steps % asked.interval == 0
    alarmed = asked.on_alarm and host.alarms != 0 and since >= ALARM_REST
    return since > 0 and (of_age or alarmed)


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Draw the challengers and reserve the steps of all who take part."""
    host, each = host_of(state), config.train.challenge.steps_each
    challengers = _drawn(state, config)
    total = host.age_steps + steps_left(state, config) - each * len(challengers)
    model = host_task(
        state,
        config,
        "training",
        steps=each,
        stream=host.failures,
        learning_rate=single_span(config, age_steps=host.age_steps, total_steps=total),
    ).model_copy(update={"watched": False})
    tasks = [_task(model, number, one) for number, one in enumerate(challengers, start=1)]
    origins = tuple(
        Proposal(task_id=task.task_id, operator=one.operator, parents=one.parents)
        for task, one in zip(tasks, challengers, strict=True)
    )
    reserved = each * (1 + len(tasks))
    work = OpenWork(tasks=(model, *tasks), proposals=origins, reserved=reserved)
    ledger = books.reserve(state.ledger, "training", reserved)
    host = host.model_copy(update={"challenged_age": host.age_steps, "alarms": 0})
    return state.model_copy(update={"work": work, "ledger": ledger, "host": host})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """Everyone who has no result yet."""
    return missing(state, work_of(state).tasks)


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """The model goes on; the best challenger takes its place if it is better by the threshold."""
    (model, *others), results = work_of(state).tasks, results_of(state)
    ledger = books.settle(charge(state), "training", sum(one.steps for one in results.values()))
    host = trained(host_of(state), model, results[model.task_id])
    known = dict.fromkeys((*state.known, host.genome, *(task.genome for task in others)))
    update = {"ledger": ledger, "host": host, "known": tuple(known), "work": None}
    after = state.model_copy(update={**update, "generation": state.generation + 1})
    after, findings, decision = decide(after, config, model, results[model.task_id])
    rival = best_rival(state, others)
    heir = rival if rival and is_better(state, config, host, rival) else None
    decisions = (decision,) if heir is None else (decision, takeover(host, heir))
    if heir is not None:
        after = succeeded(after, heir, decisions[-1])
    return Conclusion(
        state=after,
        members=member_records(state, results, heir),
        findings=findings,
        decisions=decisions,
        events=(progress(host, rival, len(others), taken=heir is not None),),
    )


def _drawn(state: RunState, config: RunConfig) -> tuple[Challenger, ...]:
    host = host_of(state)
    lineage = LineageState(index=host.lineage, genome=host.genome, init_seed=host.init_seed)
    return draw_challengers(
        lineage,
        (),
        (),
        config.train.challenge.challengers,
        known=state.known,
        settings=DRAWN,
        config=EvolutionConfig(),
        rng=generator(config.seed, "challenge", state.generation),
        seed=config.seed,
    ).challengers


def _task(model: TrainingTask, number: int, challenger: Challenger) -> TrainingTask:
    update = {
        "task_id": f"g{model.generation:05d}-c{number:02d}",
        "role": "challenger",
        "genome": challenger.genome,
        "morph_steps": max(1, model.steps // 2),
    }
    return model.model_copy(update=update)
