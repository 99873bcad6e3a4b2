"""Output that nobody reads any more, as behind `symbio-auto models | head -1`."""

import os
import pathlib
import sys


def give_streams() -> None:
    """Python has none where the shell closed one, as behind `>&-`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, pathlib.Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def print_nowhere() -> None:
    """From here on whatever is printed is lost, and so is what is flushed at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
