"""Strategies: text that programs choke on, bytes and JSON that were damaged."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import JsonValue

from state.sealed import seal

Steps = tuple[str | int, ...]
_Value = TypeVar("_Value")

TRICKY = (
    *(
        "",
        " ",
        "-",
        "--",
        "-1",
        "0",
        "1",
        "2",
        "61",
        "1.5",
        "1e9",
        "1e308",
        "1e-320",
        "nan",
        "-inf",
    ),
    *("9" * 25, "9" * 400, "9" * 5000, "-" + "9" * 30, "0x10", "1_000", "\u0661\u0662", "\u00b2"),
    *(
        "none",
        "None",
        "null",
        "true",
        "auto",
        "tiny",
        "gelu,silu",
        "gelu,,",
        ",",
        "a,b,c",
        "a" * 9000,
    ),
    *("../../up", "/", "/dev/null", "/proc/self/mem", "~", "*", "a/../../b", "a\\b", "n" * 300),
    *("\x1b[2J", "a\nb", "a\r\nb", "\u2028", "\x85", "\x7f", "\u202ereversed", "\U0001f600"),
    *("\udc80", "\udcff.txt", "%s%n", "{0}", "${HOME}", "$(id)", "`id`", "'", '"', "<|user|>"),
    *("[[[[", "[" * 3000, "{}", "{", "[]", '{"a": 1}', "silu(", "__import__('os')", "x.__class__"),
)


ACCIDENTS = ("flip", "flip", "flip", "cut", "drop", "zero", "double", "swap", "replace")


def texts(max_size: int = 30) -> SearchStrategy[str]:
    """What an argument vector or an environment can hold: anything but NUL."""
    characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    undecodable = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
    return st.sampled_from(TRICKY) | st.text(characters | undecodable, max_size=max_size)


def scalars() -> SearchStrategy[JsonValue]:
    """JSON without containers, extremes first."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from((0, -1, 1, 2**31, 2**53, 2**63, -(2**63) - 1, 10**18, 10**400)),
        st.integers(-1000, 100_000),
        st.sampled_from((0.0, -0.0, 0.5, -1.5, 1e-300, 1e308, float("nan"), float("inf"))),
        st.text(max_size=8),
        st.sampled_from(
            ("../../etc/passwd", "\0", "f" * 64, "\ud800", "gelu(x)", "2026-01-01", "a" * 2000)
        ),
    )


def json_values() -> SearchStrategy[JsonValue]:
    """Any JSON, also what only Python writes: NaN, infinities, huge integers."""
    return st.recursive(
        scalars(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    )


@st.composite
def damaged(draw: DrawFn, original: bytes) -> bytes:
    """The bytes after an accident or a few."""
    data = bytearray(original)
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        data = _accident(draw, data)
    return bytes(data)


def _accident(draw: DrawFn, data: bytearray) -> bytearray:
    start, end = sorted(draw(st.tuples(*(st.integers(0, len(data)) for _ in range(2)))))
    if start == end:
        return data[:start] + draw(st.binary(max_size=8)) + data[end:]
    match draw(st.sampled_from(ACCIDENTS)):
        case "flip":
            data[start] ^= 1 << draw(st.integers(0, 7))
            return data
        case "cut":
            return data[:start]
        case "drop":
            return data[:start] + data[end:]
        case "zero":
            return data[:start] + bytes(end - start) + data[end:]
        case "double":
            return data[:end] + data[start:]
        case "swap":
            return data[end:] + data[start:end] + data[:start]
        case _:
            return data[:start] + draw(st.binary(max_size=8)) + data[end:]


@st.composite
def altered(draw: DrawFn, original: JsonValue, max_changes: int = 2) -> JsonValue:
    """The document with values replaced, removed, added or exchanged anywhere in it."""
    document = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, max_changes))):
        document = _alteration(draw, document)
    return document


def _alteration(draw: DrawFn, document: JsonValue) -> JsonValue:
    place = _place(draw, document)
    if not place:
        return draw(json_values())
    match draw(st.sampled_from(("replace", "remove", "add", "exchange", "repeat"))):
        case "remove":
            return _changed(document, place, _remove)
        case "add":
            name, value = draw(st.text(max_size=5)), draw(json_values())
            return _changed(document, (*place, name), lambda box, key: _put(box, key, value))
        case "exchange":
            other = copy.deepcopy(at(document, _place(draw, document)))
            return _changed(document, place, lambda box, key: _put(box, key, other))
        case "repeat":
            value = [copy.deepcopy(at(document, place)) for _ in range(draw(st.integers(0, 3)))]
            return _changed(document, place, lambda box, key: _put(box, key, value))
        case _:
            value = draw(json_values())
            return _changed(document, place, lambda box, key: _put(box, key, value))


def _place(draw: DrawFn, document: JsonValue) -> Steps:
    """The way to some value, found from the top, so that large lists do not draw every change."""
    place: Steps = ()
    while True:
        if isinstance(document, dict) and document:
            step: str | int = draw(st.sampled_from(sorted(document)))
        elif isinstance(document, list) and document:
            step = draw(st.integers(0, len(document) - 1))
        else:
            return place
        place, document = (*place, step), at(document, (step,))
        if draw(st.integers(0, 2)) == 0:
            return place


def at(document: JsonValue, place: Steps) -> JsonValue:
    """The value at the end of a way; None where it was cut off meanwhile."""
    for step in place:
        if isinstance(document, dict) and isinstance(step, str):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document


Box = dict[str, JsonValue] | list[JsonValue]


def _changed(
    document: JsonValue, place: Steps, change: Callable[[Box, str | int], None]
) -> JsonValue:
    box = at(document, place[:-1])
    if isinstance(box, dict | list):
        change(box, place[-1])
    return document


def _put(box: Box, key: str | int, value: JsonValue) -> None:
    if isinstance(box, dict):
        box[str(key)] = value
    elif isinstance(key, int) and key < len(box):
        box[key] = value
    else:
        box.append(value)


def _remove(box: Box, key: str | int) -> None:
    if isinstance(box, dict):
        box.pop(str(key), None)
    elif isinstance(key, int) and key < len(box):
        del box[key]


def as_json(value: JsonValue) -> bytes:
    """As the program's own writer would, but for what only Python can spell."""
    return json.dumps(value).encode()


def sealed(content: JsonValue) -> bytes:
    """With its sha256, where JSON has one: NaN and infinities cannot be sealed."""
    with suppress(ValueError):
        if isinstance(content, dict):
            return seal(content)
    return as_json(content)
