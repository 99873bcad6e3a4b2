"""`symbio-auto completion SHELL`: a script that completes what a person types."""

import argparse
from collections.abc import Iterator

import shtab

from orchestrator.config import KINDS
from orchestrator.grammar import build_parser
from orchestrator.one_line_parser import commands_of
from orchestrator.settings import PRESETS
from orchestrator.sizing import ALIASES, SIZES
from state.genome.expression import LEAF_NAMES
from state.genome.learnable import FAMILY_NAMES
from state.genome.names import GATED, POWERS

ACTIVATIONS = (*LEAF_NAMES, *POWERS, *GATED, *FAMILY_NAMES)
NAMES = {
    "--model": ("auto", *SIZES, *ALIASES),
    "--preset": tuple(PRESETS),
    "--activation": ACTIVATIONS,
    "--control": ("none", *ACTIVATIONS),
    "--split": ("auto", "document", "block"),
    "--at": tuple(name for name, _ in KINDS),
}
"""What a flag takes that its parser does not check, because more is possible."""

FILES = ("--data", "--config", "--symbio-config", "--prompts", "--init-from", "--out")
FOLDERS = ("--run-dir", "--to", "--resume", "--compare")


def run(arguments: argparse.Namespace) -> int:
    """Print the script.

    Raises:
        ValueError: the installed shtab does not know the shell.
    """
    if arguments.shell not in shtab.SUPPORTED_SHELLS:
        raise ValueError(
            f"completion {arguments.shell} needs a newer shtab; "
            "python -m pip install --upgrade shtab"
        )
    print(script(arguments.shell))
    return 0


def script(shell: str) -> str:
    """The completion of every command, for one shell."""
    parser = build_parser()
    for action in _actions(parser):
        _say_what_it_takes(action)
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every flag and argument of a parser and of its commands."""
    yield from parser._actions
    for inner in commands_of(parser).values():
        yield from _actions(inner)


def _say_what_it_takes(action: argparse.Action) -> None:
    flags = set(action.option_strings)
    if isinstance(action, argparse._SubParsersAction):
        # The help lists commands in groups of its own; shtab leaves out what help suppresses.
        action.help = None
    elif flags & NAMES.keys():
        action.choices = NAMES[flags.pop()]
    elif flags & {*FILES}:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif flags & {*FOLDERS} or action.metavar == "RUN":
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
