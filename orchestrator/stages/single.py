"""One chunk of `train`: a model by itself, from its first step to its last.

Chunks end where the model is measured or writes a sample. Where they end changes no bit of it:
batches, dropout and rates follow the model's age.
"""

from pydantic import JsonValue

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.intervals import eval_steps, sample_steps
from orchestrator.run_state import HostState, OpenWork, RunState
from orchestrator.schedule import single_span
from orchestrator.stages.conclusion import (
    Conclusion,
    Event,
    charge,
    evaluation_of,
    member_record,
    missing,
    result_of,
    training_result,
    work_of,
)
from orchestrator.stages.host_decision import set_back
from orchestrator.stages.host_progress import host_of, steps_left
from orchestrator.stages.host_task import averaged_of, best_of, host_task, mean_settings
from orchestrator.stages.single_decision import decide
from state.genome import display_name, parse
from state.records import Sample
from state.results import SampleResult, TrainingResult
from state.seeds import derive_seed
from state.tasks import SampleTask, Task, TrainingTask

NAME = "model"


def new_host(config: RunConfig) -> HostState:
    """The model before its first step: drawn, or as another run left it."""
    return HostState(
        name=NAME,
        genome=parse(config.train.activation),
        checkpoint=config.train.init_sha256,
        init_seed=derive_seed(config.seed, "init", 0),
        age_steps=0,
        decay_from=config.host.decay_from,
        lineage=0,
        before_decay=config.train.init_sha256,
    )


def mode_event(config: RunConfig) -> Event:
    """What is trained, and with which instruments."""
    genome, symbio = parse(config.train.activation), config.train.symbio
    return Event(
        kind="mode",
        data={
            "mode": config.mode,
            "activation": genome.formula,
            "activation_name": display_name(genome),
            "symbio": symbio is not None,
            "symbio_config": symbio.model_dump(mode="json") if symbio else None,
        },
    )


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Reserve and list the next chunk."""
    steps = chunk_steps(state, config)
    ledger = books.reserve(state.ledger, "training", steps)
    work = OpenWork(tasks=(_task(state, config, steps),), reserved=steps)
    return state.model_copy(update={"work": work, "ledger": ledger})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The chunk; once it is trained, the sample that is due."""
    (task,) = work_of(state).tasks
    result = training_result(state, task.task_id)
    if result is None or result.checkpoint is None or not _speaks(state, config, task):
        return missing(state, (task,))
    sample = SampleTask(
        task_id=_sample_id(task),
        genome=task.genome,
        checkpoint=result.checkpoint,
        seed=derive_seed(config.seed, "sample"),
        threads=task.threads,
    )
    return missing(state, (task, sample))


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Book the chunk, keep the best model, look for trouble; after the last step comes the end."""
    (task,) = work_of(state).tasks
    result = result_of(state, task.task_id)
    assert isinstance(result, TrainingResult)
    ledger = books.settle(charge(state), "training", result.steps)
    host = trained(host_of(state), task, result)
    after = state.model_copy(
        update={"ledger": ledger, "host": host, "generation": state.generation + 1, "work": None}
    )
    after, findings, decision = decide(after, config, task, result)
    if steps_left(after, config) == 0:
        after = after.model_copy(
            update={"stage": "finale", "winner": host.best, "final_host": host_of(after)}
        )
    samples = _samples(state, task)
    return Conclusion(
        state=after,
        members=(member_record(task, result),),
        findings=findings,
        decisions=(decision,),
        samples=samples,
        events=(_progress(host, result), *(_said(host, sample) for sample in samples)),
    )


def chunk_steps(state: RunState, config: RunConfig) -> int:
    """Steps to the next evaluation, sample or window, whichever is nearest, or to the end."""
    age, window = host_of(state).age_steps, config.train.challenge.interval
    intervals = (eval_steps(config), sample_steps(config), window)
    return min(steps_left(state, config), *(steps - age % steps for steps in intervals if steps))


def trained(host: HostState, task: TrainingTask, result: TrainingResult) -> HostState:
    """The model after the chunk. A chunk that could not be used leaves the weights alone."""
    if result.status != "trained" or result.checkpoint is None:
        return set_back(host, result)
    age = host.age_steps + result.steps
    decay = task.learning_rate.decay
    # A cosine falls from the first step to the last: there is no better place to go on from.
    resting = decay is None or decay.curve == "cosine" or age <= decay.start
    before_decay = {"before_decay": result.checkpoint, "before_decay_age": age}
    update = {
        "checkpoint": result.checkpoint,
        "age_steps": age,
        "done_steps": host.done_steps + result.steps,
        "lost": 0,
        "alarms": host.alarms | result.alarms,
        **(before_decay if resting else {}),
    }
    return _measured(host.model_copy(update=update), task, result)


def _measured(host: HostState, task: TrainingTask, result: TrainingResult) -> HostState:
    """With the evaluation, if there is one; the best model is the one with the fewest bits."""
    measured = evaluation_of(result.evaluations, "search")
    if measured is None:
        return host
    best = best_of(host, measured, task.phase, task.generation, averaged_of(result))
    history = (*host.history, (host.age_steps, measured.bits_per_byte, result.train_loss))
    return host.model_copy(update={"best": best, "last": measured, "history": history})


def _task(state: RunState, config: RunConfig, steps: int) -> TrainingTask:
    host = host_of(state)
    end = host.age_steps + steps
    measure = end % eval_steps(config) == 0 or steps == steps_left(state, config)
    total = host.age_steps + steps_left(state, config)
    task = host_task(
        state,
        config,
        "training",
        steps=steps,
        # A chunk that failed is tried again on other batches.
        stream=host.failures,
        learning_rate=single_span(config, age_steps=host.age_steps, total_steps=total),
    )
    mean = mean_settings(config, total_steps=total, end=end / total, measured=measure)
    return task.model_copy(
        update={
            "search_loss": _just_measured(host) if config.train.symbio else None,
            "evaluate": ("search",) if measure else (),
            **mean,
        }
    )


def _just_measured(host: HostState) -> float | None:
    """Nats per token on the search split, where the model was measured as it stands."""
    if host.last is None or host.history[-1][0] != host.age_steps:
        return None
    return host.last.nats_per_token


def _speaks(state: RunState, config: RunConfig, task: TrainingTask) -> bool:
    """A sample is due after the chunk."""
    interval, end = sample_steps(config), task.first_step + task.steps - 1
    return interval > 0 and (end % interval == 0 or steps_left(state, config) == 0)


def _sample_id(task: TrainingTask) -> str:
    return f"{task.task_id}-sample"


def _samples(state: RunState, task: TrainingTask) -> tuple[Sample, ...]:
    result = result_of(state, _sample_id(task))
    if not isinstance(result, SampleResult) or result.sample is None:
        return ()
    return (result.sample,)


def _progress(host: HostState, result: TrainingResult) -> Event:
    """One line of the log; the search loss is in it where it was measured."""
    measured = evaluation_of(result.evaluations, "search")
    seconds = result.train_seconds
    data: dict[str, JsonValue] = {
        "phase": "training",
        "step": host.age_steps,
        "train_loss": result.train_loss,
        "tokens_per_sec": round(result.tokens / seconds) if seconds else None,
        "skipped_steps": result.skipped_steps,
    }
    if measured is not None:
        data["bits_per_byte"] = round(measured.bits_per_byte, 5)
    return Event(kind="trained", data=data)


def _said(host: HostState, sample: Sample) -> Event:
    data = {"step": host.age_steps, "prompt": sample.prompt, "text": sample.text}
    return Event(kind="sample", data={"phase": "training", **data})
