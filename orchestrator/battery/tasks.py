"""Tasks of a worker that train nothing: the battery, a sample, and what counting comes to."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from state.records import Sample
from state.results import BaselineResult, BatteryResult, SampleResult
from state.tasks import BaselineTask, BatteryTask, SampleTask, Teacher

if TYPE_CHECKING:
    from trainer.execution import TaskExecutor


def try_checkpoint(task: BatteryTask, executor: "TaskExecutor") -> BatteryResult:
    """Let a checkpoint answer the battery.

    Raises:
        RuntimeError: it cannot be sampled or compared, which is no reason to end a run.
    """
    from orchestrator.battery.on_run import run_questions, try_model
    from trainer.execution import reproducible

    started = time.monotonic()
    dataset, setup = executor.dataset, executor.setup
    model = executor.model(Teacher(checkpoint=task.checkpoint, genome=task.genome))
    with reproducible(task.threads, setup.device, deterministic=setup.deterministic):
        try:
            report = try_model(
                model,
                dataset,
                setup,
                run_questions(dataset, setup, whole=task.whole),
                seed=task.seed,
                phase=task.phase,
                generation=task.generation,
                progress=executor.progress,
            )
        except ValueError as error:
            raise RuntimeError(f"the battery could not be run: {error}") from error
    beside = {"bits_per_byte": task.bits_per_byte} if task.bits_per_byte is not None else {}
    return BatteryResult(
        task_id=task.task_id,
        report=report.model_copy(update={"beside": {**beside, **report.beside}}),
        started_at=started,
        battery_seconds=time.monotonic() - started,
    )


def write_sample(task: SampleTask, executor: "TaskExecutor") -> SampleResult:
    """Let a checkpoint go on from one prompt of the run's text."""
    from inference_battery.generation import generate
    from inference_battery.prompts import choose_prompts
    from orchestrator.battery.on_run import unwritten_ids
    from trainer.execution import reproducible

    started = time.monotonic()
    dataset, setup = executor.dataset, executor.setup
    codec, domain = dataset.tokenizer, dataset.manifest.domain
    (prompt,) = choose_prompts(dataset.documents("search"), domain, 1, setup.seed)
    with reproducible(task.threads, setup.device, deterministic=setup.deterministic):
        (written,) = generate(
            executor.model(Teacher(checkpoint=task.checkpoint, genome=task.genome)),
            [[int(token) for token in codec.encode(prompt)]],
            max_new_tokens=setup.battery_tokens,
            temperature=task.temperature,
            seed=task.seed,
            end_of_text_id=codec.end_of_text_id,
            banned_ids=unwritten_ids(codec),
            device=setup.device,
        )
    text = codec.decode(written.tokens)
    return SampleResult(
        task_id=task.task_id,
        sample=Sample(prompt=prompt, temperature=task.temperature, text=text, ended=written.ended),
        started_at=started,
        eval_seconds=time.monotonic() - started,
    )


def count_baseline(task: BaselineTask, data: Path) -> BaselineResult:
    """What counting pairs of bytes comes to, on the prepared text in `data`."""
    from trainer.data import Dataset
    from trainer.order2 import order2_bits_per_byte

    started = time.monotonic()
    dataset = Dataset(data)
    train, test = (dataset.text(split).encode() for split in ("train", task.split))
    bits = order2_bits_per_byte(train, test)
    return BaselineResult(
        task_id=task.task_id,
        bits_per_byte=bits,
        started_at=started,
        eval_seconds=time.monotonic() - started,
    )
