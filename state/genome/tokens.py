"""Cuts a formula into tokens, and words the errors of a formula on one line."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_CHARS = 1000
_ALPHABET = "is not understood; use ASCII letters, decimals, + - * ^ and parentheses"
_PATTERN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<operator>\*\*|[-+*^()])"
    r"|(?P<space>\s+)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the formula; `column` counts from 1."""

    kind: Literal["number", "name", "operator", "end"]
    text: str
    column: int


def tokenize(formula: str) -> list[Token]:
    """Tokens of the formula, an `end` token last.

    Raises:
        ValueError: the formula is empty or too long, or holds a character of no use in it.
    """
    if not formula.strip():
        raise ValueError("'' is no activation: it is empty; write one such as gelu or 0.8*silu(x)")
    if len(formula) > MAX_CHARS:
        raise ValueError(
            f"{shown(formula)} has {len(formula)} characters, more than {MAX_CHARS}; shorten it"
        )
    tokens, position = [], 0
    while position < len(formula):
        match = _PATTERN.match(formula, position)
        if match is None:
            stray = Token("operator", formula[position], position + 1)
            raise fault(formula, stray, _ALPHABET)
        if (kind := _kind(match)) is not None:
            tokens.append(Token(kind, match.group(), position + 1))
        position = match.end()
    return [*tokens, Token("end", "", len(formula) + 1)]


def _kind(match: re.Match[str]) -> Literal["number", "name", "operator"] | None:
    match match.lastgroup:
        case "number" | "name" | "operator" as kind:
            return kind
        case _:
            return None


def shown(formula: str) -> str:
    """The formula as an error quotes it: ASCII, at most 60 characters."""
    return ascii(formula if len(formula) <= 60 else formula[:57] + "...")


def fault(formula: str, token: Token, why: str) -> ValueError:
    """The error to raise: the token, its column, the formula and `why`, on one line."""
    name = ascii(token.text) if token.text else "the end"
    return ValueError(f"{name} at column {token.column} in {shown(formula)} {why}")
