"""A file of prompts that a user gives: one a line."""

import argparse
from pathlib import Path

from pydantic import JsonValue

MAX_FILE_BYTES, MAX_PROMPTS = 1_000_000, 1_000
"""More is another file, given by mistake."""


def prompt_lines(path: str) -> list[JsonValue]:
    """The lines of the file as they stand; a run makes each a prompt of its domain.

    Raises:
        argparse.ArgumentTypeError: it cannot be read, or holds no prompt or too many.
    """
    from inference_battery.prompts import read_prompts

    try:
        found = read_prompts(_content(Path(path)), "text")
        if len(found) > MAX_PROMPTS:
            raise ValueError(f"holds {len(found):,} prompts; give at most {MAX_PROMPTS:,}")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{path or '(empty)'} {error}") from None
    return list(found)


def _content(path: Path) -> str:
    """The file's text.

    Raises:
        ValueError: what stands behind the path in the error line.
    """
    remedy = "give a UTF-8 text with one prompt a line"
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file's name"
        raise ValueError(f"cannot be read: {reason}; {remedy}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"has more than {MAX_FILE_BYTES:,} bytes; {remedy}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start:,}); {remedy}") from None
