"""Paths in commands that people copy."""

import shlex
from pathlib import Path


def pasted(path: Path) -> str:
    """The path as one word of a shell, in quotes where it needs them."""
    return shlex.quote(str(path))
