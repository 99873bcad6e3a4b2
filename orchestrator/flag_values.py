"""What is written behind a flag, read."""

import argparse

from pydantic import JsonValue


def whole(text: str) -> int:
    """A whole number.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number; give one such as 2000"
        ) from None


def whole_or_auto(text: str) -> JsonValue:
    """A whole number, or `auto`.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    return text if text == "auto" else whole(text)


def number(text: str) -> float:
    """A finite number.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number; give one such as 0.003")
    return value


def names(text: str) -> list[JsonValue]:
    """Names between commas; `none` is the empty list."""
    parts: list[JsonValue] = [part.strip() for part in text.split(",") if part.strip()]
    return [] if parts == ["none"] else parts
