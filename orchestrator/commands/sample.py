"""`symbio-auto sample RUN`: let the run's best model write."""

import argparse

from inference_battery.prompts import as_prompt
from orchestrator.battery.on_run import unwritten_ids
from orchestrator.commits import restore
from orchestrator.plain_settings import is_text
from orchestrator.resolve import worker_setup
from orchestrator.run_state import best_model
from state.commit import load_commit
from state.run_folder import RunFolder
from state.tasks import Teacher

MAX_SAMPLES = 1_000
MAX_TOKENS = 100_000


def run(arguments: argparse.Namespace) -> int:
    """Print the samples, each with its prompt."""
    _require_reasonable(arguments)
    folder = RunFolder.from_argument(arguments.run)
    saved = restore(load_commit(folder).record)
    best = best_model(saved.run)
    from inference_battery.generation import generate
    from trainer.data import Dataset
    from trainer.execution import TaskExecutor, reproducible

    dataset = Dataset(folder.data)
    codec = dataset.tokenizer
    prompt = as_prompt(arguments.prompt, dataset.manifest.domain)
    setup = worker_setup(saved.config, folder)
    model = TaskExecutor(setup).model(Teacher(checkpoint=best.checkpoint, genome=best.genome))
    tokens = [int(token) for token in codec.encode(prompt)] or [codec.end_of_text_id]
    threads = saved.config.engine.host_threads or 1
    with reproducible(threads, setup.device, deterministic=setup.deterministic):
        written = generate(
            model,
            [tokens] * arguments.num,
            max_new_tokens=arguments.tokens,
            temperature=arguments.temperature,
            seed=arguments.seed,
            end_of_text_id=codec.end_of_text_id,
            banned_ids=unwritten_ids(codec),
            device=setup.device,
        )
    for one in written:
        print(prompt + codec.decode(one.tokens))
        print()
    return 0


def _require_reasonable(arguments: argparse.Namespace) -> None:
    """Refuse what would fill the memory or never end."""
    for flag, value, most in (
        ("--num", arguments.num, MAX_SAMPLES),
        ("--tokens", arguments.tokens, MAX_TOKENS),
    ):
        if not 1 <= value <= most:
            raise ValueError(f"{flag} {value} is out of range; give 1 to {most:,}")
    if not is_text(arguments.prompt):
        raise ValueError(f"--prompt {arguments.prompt!r} is not UTF-8; write it as UTF-8")
