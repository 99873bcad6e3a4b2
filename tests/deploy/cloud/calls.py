"""The command line as these tests call it."""

import shlex

import pytest

from orchestrator.cli import main

RUN = "gcp run --data book.txt --budget 1000 --run-dir runs/first --yes"
"""A run that nobody is asked about."""


def call(line: str) -> int:
    return main(shlex.split(line))


def refused(capsys: pytest.CaptureFixture[str], line: str) -> str:
    """The one line that a command is refused with."""
    assert call(line) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("symbio-auto: error: ")
    return last


def refused_out(capsys: pytest.CaptureFixture[str], line: str) -> str:
    """What a command shows before it is refused because nobody can answer its question."""
    assert call(line) == 2
    shown = capsys.readouterr()
    assert "there is no terminal to ask at" in shown.err
    assert "--yes" in shown.err
    return shown.out
