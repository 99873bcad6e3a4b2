"""`symbio-auto chat RUN`: talk with the run's best model, line by line.

A model of dialogue is told all that was said, as much as its context holds; any other model goes on
from what was written last.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from orchestrator.battery.on_run import sampling_of
from orchestrator.opened_model import OpenedModel, open_model
from orchestrator.report.escape import visible

if TYPE_CHECKING:
    from trainer.backbones.gpt import GPT

MAX_TOKENS = 10_000
LEAVE = {"/quit", "/exit"}
HELP = "an empty line or Ctrl-D leaves, /new forgets what was said"


def run(arguments: argparse.Namespace) -> int:
    """Answer every line until there is none."""
    _require_reasonable(arguments)
    opened = open_model(arguments.run)
    talk = Talk(opened, arguments)
    asks = sys.stdin.isatty()
    if asks:
        print(f"{opened.best.genome.formula}, {HELP}")
    with opened.model(opened.saved.config.engine.host_threads or 1) as model:
        while (line := _next_line(asks)) is not None:
            if line == "/new":
                talk.said = ""
                continue
            print(visible(talk.answer(model, line)), flush=True)
    return 0


class Talk:
    """What was said so far."""

    def __init__(self, opened: OpenedModel, arguments: argparse.Namespace) -> None:
        self.codec, self.device = opened.dataset.tokenizer, opened.setup.device
        self.is_dialogue = opened.dataset.manifest.domain == "chat"
        self.tokens, self.seed = arguments.tokens, arguments.seed
        self.temperature = arguments.temperature
        self.said = ""
        self.num_turns = 0

    def answer(self, model: "GPT", line: str) -> str:
        """What the model says to a line; both are remembered."""
        from inference_battery.generation import Request, answer

        asked = (
            f"{self.said}<|user|> {line} <|assistant|>" if self.is_dialogue else self.said + line
        )
        request = Request(
            tuple(int(token) for token in self.codec.encode(asked)),
            self.temperature,
            self.num_turns,
        )
        sampling = sampling_of(self.codec, self.tokens, self.seed, self.device)
        (written,) = answer(model, [request], sampling)
        text = self.codec.decode(written.tokens)
        self.said = f"{asked}{text}\n" if self.is_dialogue else f"{asked}{text} "
        self.num_turns += 1
        return text.strip()


def _next_line(asks: bool) -> str | None:
    """What the user says; None at the end of the input, and on an empty line or `/quit`."""
    try:
        line = input("> " if asks else "").strip()
    except EOFError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(f"the input is not UTF-8 (byte {error.start}); write UTF-8") from None
    return None if not line or line in LEAVE else line


def _require_reasonable(arguments: argparse.Namespace) -> None:
    """Refuse what would never end, and a temperature that is none."""
    if not 1 <= arguments.tokens <= MAX_TOKENS:
        raise ValueError(f"--tokens {arguments.tokens} is out of range; give 1 to {MAX_TOKENS:,}")
    if not 0 <= arguments.temperature <= 10:
        raise ValueError(f"--temperature {arguments.temperature:g} is out of range; give 0 to 10")
