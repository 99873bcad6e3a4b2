"""Values that came over a wire, made fit for a column or refused."""

import json
from collections.abc import Callable
from math import isfinite
from typing import get_args

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Integer
from sqlalchemy.types import TypeEngine

from state.records import PhaseName

KEY_CHARACTERS = 200
"""Of a text in a key: indexes have a limit."""
DOCUMENT_DEPTH = 32
_LEAST, _MOST = -(2**63), 2**63 - 1
_PHASES = frozenset(get_args(PhaseName))

Check = Callable[[object], object]


class BadMessage(ValueError):  # noqa: N818
    """A message says something that cannot be stored; the text says what and what holds."""


def check_of(column: Column[object]) -> Check:
    """What turns a JSON value into one of the column.

    NaN and infinities become None, characters that no database takes become U+FFFD.
    The function raises ValueError, saying what the column takes.
    """
    if column.name == "phase":
        return _phase
    if column.primary_key:
        return _key_number if isinstance(column.type, Integer) else _key_text
    return _by_type(column.type)


def _by_type(kind: TypeEngine[object]) -> Check:
    match kind:
        case Boolean():
            return _truth
        case BigInteger() | Integer():
            return _whole
        case Double():
            return _real
        case JSON():
            return clean
        case _:
            return _text


def clean(value: object, depth: int = 0) -> object:
    """A document without NaN, infinities and characters that cannot be written.

    Raises:
        ValueError: it nests too deeply.
    """
    if depth > DOCUMENT_DEPTH:
        raise ValueError(f"takes documents of at most {DOCUMENT_DEPTH} levels")
    match value:
        case str():
            return clean_text(value)
        case float():
            return value if isfinite(value) else None
        case dict():
            return {clean_text(str(key)): clean(one, depth + 1) for key, one in value.items()}
        case list():
            return [clean(one, depth + 1) for one in value]
        case _:
            return value


def clean_text(text: str) -> str:
    """The text with U+FFFD for NUL and for halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _real(value: object) -> float | None:
    if type(value) is float:
        return value if isfinite(value) else None
    if value is None:
        return None
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return None
    raise ValueError("takes a number")


def _whole(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, float):
        if not isfinite(value):
            return None
        if not value.is_integer():
            raise ValueError("takes a whole number")
        value = int(value)
    if not isinstance(value, int):
        raise ValueError("takes a whole number")  # noqa: TRY004
    if not _LEAST <= value <= _MOST:
        raise ValueError("takes whole numbers of 64 bits")
    return int(value)


def _truth(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    raise ValueError("takes true or false")


def _text(value: object) -> str | None:
    if type(value) is str:
        return clean_text(value)
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(clean(value))
    raise ValueError("takes a text")


def _phase(value: object) -> str:
    if not isinstance(value, str) or value not in _PHASES:
        raise ValueError(f"takes one of {', '.join(sorted(_PHASES))}")
    return value


def _key_text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= KEY_CHARACTERS:
        raise ValueError(f"takes a text of 1 to {KEY_CHARACTERS} characters")
    return clean_text(value)


def _key_number(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 2**31:
        raise ValueError("takes a whole number from -1 to 2147483647")
    return value
