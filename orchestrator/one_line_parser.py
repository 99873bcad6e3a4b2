"""A parser whose errors are one line: what is wrong and what to write in its place."""

import argparse
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from orchestrator.error_line import error_line
from orchestrator.help_page import Page
from state.nearest import nearest as nearest_of
from state.nearest import question, quoted, suggestion

EXIT_USAGE = 2
COMMAND_NAMES = ("command", "planned", "verb")
"""Where a namespace has the command, and what comes behind `plan` and `gcp`."""
_FLAG = re.compile(r"--?[A-Za-z][^\s=]*(?==|\Z)")


class UsageError(Exception):
    """The line to print, and whose --help says more."""

    def __init__(self, line: str, prog: str) -> None:
        super().__init__(line)
        self.line, self.prog = line, prog


class OneLineParser(argparse.ArgumentParser):
    """Refuses with one line and exit code 2; wrong names are answered with the nearest ones."""

    def __init__(self, **settings: object) -> None:
        """As argparse; flags are never cut short, so that a new one cannot change an old line."""
        defaults = {"formatter_class": Page, "allow_abbrev": False}
        super().__init__(**{**defaults, **settings})  # type: ignore[arg-type]

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse, or print the line and leave."""
        words = sys.argv[1:] if args is None else list(args)
        try:
            found, left = self.parse_known_args(words, namespace)
            self._require_order(words, found)
            if left:
                raise UsageError(f"{quoted(left[0])} is one argument too many", self._prog(found))
        except UsageError as fault:
            fault = self._unknown_flag(words) or fault
            line = f"{error_line(fault.line)} (see {fault.prog} --help)"
            sys.stderr.write(f"symbio-auto: error: {line}\n")
            raise SystemExit(EXIT_USAGE) from None
        return found

    def error(self, message: str) -> NoReturn:
        """Raise what `parse_args` prints."""
        for pattern, wording in _WORDINGS:
            message = pattern.sub(wording, message)
        raise UsageError(message, self.prog)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(one) for one in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            self.error(_no_command(str(value), choices))
        name = "/".join(action.option_strings) or str(action.metavar or action.dest)
        meant = suggestion(str(value), choices, otherwise="symbio-auto --help lists them")
        self.error(f"{name} {quoted(str(value))} is unknown; {meant}")

    def _require_order(self, words: list[str], found: argparse.Namespace) -> None:
        """Refuse flags in front of a command: it would not hear of them."""
        for command in filter(None, (getattr(found, name, None) for name in COMMAND_NAMES)):
            place = words.index(command)
            if place:
                line = f"{quoted(words[0])} stands before {command}; write it behind"
                raise UsageError(line, self._prog(found))
            words = words[1:]

    def _prog(self, found: argparse.Namespace) -> str:
        command = getattr(found, "command", None)
        return commands_of(self)[command].prog if command else self.prog

    def _unknown_flag(self, words: list[str]) -> UsageError | None:
        """The first flag that its command has not; what follows it was not understood either."""
        parser: argparse.ArgumentParser = self
        for word in words:
            if word == "--":
                break
            inner = commands_of(parser).get(word)
            if inner is not None:
                parser = inner
                continue
            flag = _FLAG.match(word)
            if flag and flag[0] not in parser._option_string_actions:
                return UsageError(_no_flag(flag[0], parser, self), parser.prog)
        return None


_WORDINGS = (
    (
        re.compile(r"^the following arguments are required: RUN.*", re.DOTALL),
        "give RUN, a run's folder such as runs/symbio-auto",
    ),
    (re.compile(r"^the following arguments are required: ", re.DOTALL), "still missing: "),
    (
        re.compile(r"^argument (\S+): expected one argument$"),
        r"\1 takes a value; one that begins with a dash is written \1=VALUE",
    ),
    (
        re.compile(r"^argument (\S+): expected at least one argument$"),
        r"\1 takes at least one value",
    ),
    (re.compile(r"^argument (\S+): "), r"\1: "),
)
"""What argparse says -> how we say it."""


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of a parser's commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """The long flags of a parser."""
    return [name for name in parser._option_string_actions if name.startswith("--")]


def _no_command(word: str, known: Iterable[str]) -> str:
    if len(word) < 256 and "\0" not in word and Path(word).exists():
        return f"{quoted(word)} is no command; to train on a text write --data before it"
    near = suggestion(word, known, otherwise="symbio-auto --help lists them")
    return f"{quoted(word)} is no command; {near}"


def _no_flag(flag: str, parser: argparse.ArgumentParser, root: argparse.ArgumentParser) -> str:
    """`parser` has no such flag; the nearest, else whose it is."""
    near = question(nearest_of(flag, flags_of(parser)))
    others = {root.prog: root} | {one.prog: one for one in commands_of(root).values()}
    having = [name for name, other in others.items() if flag in other._option_string_actions]
    if having and not near:
        near = f"it belongs to {having[0]}"
    line = f"{parser.prog} has no {quoted(flag)}"
    return f"{line}; {near}" if near else line
