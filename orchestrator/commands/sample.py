"""`symbio-auto sample RUN`: let the run's best model write."""

import argparse

from inference_battery.prompts import as_prompt
from orchestrator.battery.on_run import unwritten_ids
from orchestrator.opened_model import open_model
from orchestrator.plain_settings import is_text

MAX_SAMPLES = 1_000
MAX_TOKENS = 100_000


def run(arguments: argparse.Namespace) -> int:
    """Print the samples, each with its prompt."""
    _require_reasonable(arguments)
    opened = open_model(arguments.run)
    from inference_battery.generation import generate

    codec, setup = opened.dataset.tokenizer, opened.setup
    prompt = as_prompt(arguments.prompt, opened.dataset.manifest.domain)
    tokens = [int(token) for token in codec.encode(prompt)] or [codec.end_of_text_id]
    with opened.model(opened.saved.config.engine.host_threads or 1) as model:
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
