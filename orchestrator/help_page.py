"""What `--help` shows: commands and flags in groups, defaults, examples. At most 80 columns."""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from typing import TypeVar

WIDTH = 80
HELP_COLUMN = 26

USAGE = """\
symbio-auto [FLAGS]              start a run
       symbio-auto COMMAND ...          everything else"""

ABOUT = """\
symbio-auto trains a small language model on a text. In six phases a population
of models competes, the activation function evolves, and every decision is
measured; what comes out is a model, a formula and the evidence.
"""

START = """\
examples:
  symbio-auto demo-data                            make a text to try with
  symbio-auto --budget 2000                        train on it; Ctrl-C is safe
  symbio-auto sample runs/symbio-auto --num 3      let the model write
"""

COMMAND_GROUPS: Mapping[str, Sequence[str]] = {
    "start and go on": ("plan", "train", "pause", "resume", "stop", "fork"),
    "look at a run": ("status", "watch", "report", "compare", "diagnose", "gates", "serve", "push"),
    "use the model": ("sample", "chat", "battery", "export"),
    "elsewhere": ("gcp",),
    "check": ("verify", "doctor"),
    "tools": ("models", "demo-data", "completion", "help"),
}

EXAMPLES: Mapping[str, str] = {
    "plan": "symbio-auto plan --data book.txt --budget 2000 --control gelu",
    "plan train": "symbio-auto plan train --data book.txt --iters 5000 --model small",
    "train": "symbio-auto train --data book.txt --activation swiglu --iters 2000",
    "status": "symbio-auto status runs/symbio-auto",
    "watch": "symbio-auto watch runs/symbio-auto",
    "pause": "symbio-auto pause runs/symbio-auto",
    "resume": "symbio-auto resume runs/symbio-auto",
    "stop": "symbio-auto stop runs/symbio-auto",
    "fork": "symbio-auto fork runs/symbio-auto --at cambrian:2 --set seed=7",
    "report": "symbio-auto report runs/symbio-auto",
    "compare": "symbio-auto compare runs/symbio-auto runs/symbio-auto-2",
    "diagnose": "symbio-auto diagnose runs/symbio-auto",
    "gates": "symbio-auto gates runs/symbio-auto --strict-gates --waive G5",
    "push": "symbio-auto push runs/symbio-auto --to https://runs.example.org:8420",
    "serve": "symbio-auto serve --runs runs --port 8420",
    "sample": 'symbio-auto sample runs/symbio-auto --prompt "What do you think?" --num 3',
    "chat": "symbio-auto chat runs/symbio-auto",
    "battery": "symbio-auto battery runs/symbio-auto --compare runs/symbio-auto-2",
    "export": "symbio-auto export runs/symbio-auto --to my-model",
    "verify": "symbio-auto verify runs/symbio-auto --replay",
    "doctor": "symbio-auto doctor --kill-test",
    "models": "symbio-auto models",
    "demo-data": "symbio-auto demo-data --out data/historic.txt --chars 400000",
    "completion": 'eval "$(symbio-auto completion bash)"',
    "help": "symbio-auto help sample",
    "gcp": "symbio-auto gcp run --data book.txt --budget 50000 --spot --max-hours 12",
    "gcp up": "symbio-auto gcp up --machine-type g2-standard-8 --max-hours 6",
    "gcp run": "symbio-auto gcp run --data book.txt --budget 50000 --after delete",
    "gcp train": "symbio-auto gcp train --data book.txt --iters 5000 --symbio",
    "gcp kill": "symbio-auto gcp kill",
    "gcp status": "symbio-auto gcp status --watch",
    "gcp logs": "symbio-auto gcp logs -f",
    "gcp ssh": "symbio-auto gcp ssh",
    "gcp fetch": "symbio-auto gcp fetch",
    "gcp stop": "symbio-auto gcp stop",
    "gcp delete": "symbio-auto gcp delete --name symbio-train",
}
"""One for each command."""


class Page(argparse.RawDescriptionHelpFormatter):
    """Never wider than `WIDTH`, so that lines are short enough to read on any terminal."""

    def __init__(self, prog: str, **settings: object) -> None:
        """As argparse."""
        width = min(WIDTH, shutil.get_terminal_size().columns) - 1
        settings = {"max_help_position": HELP_COLUMN, "width": width, **settings}
        super().__init__(prog, **settings)  # type: ignore[arg-type]


ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)


def front_page(commands: "argparse._SubParsersAction[ParserT]") -> str:
    """What comes before the flags of the main job."""
    texts = {one.dest: one.help or "" for one in commands._choices_actions}
    grouped = {name for names in COMMAND_GROUPS.values() for name in names}
    others = [name for name in texts if name not in grouped]
    lines = [ABOUT, START, "commands; symbio-auto help COMMAND says more:"]
    for title, names in {**COMMAND_GROUPS, "others": others}.items():
        listed = [f"    {name:12} {texts[name]}" for name in names if name in texts]
        lines += [f"  {title}", *listed] if listed else []
    return "\n".join(lines)


def add_examples(parser: argparse.ArgumentParser, name: str = "") -> None:
    """Give each command below `parser` its example."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for word, inner in action.choices.items():
            path = f"{name} {word}".strip()
            if path in EXAMPLES:
                inner.epilog = f"example:\n  {EXAMPLES[path]}"
            add_examples(inner, path)
