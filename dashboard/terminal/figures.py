"""Numbers, bars and foreign text in the width of a terminal."""

import unicodedata
from collections.abc import Iterable, Sequence
from math import isfinite

_SPARKS = "▁▂▃▄▅▆▇█"
_ASCII_SPARKS = "_.-=+*%#"


def printable(text: str) -> str:
    """`text` on one line without control, escape and invisible format characters.

    What comes from a corpus, a model or a genome goes through here before it reaches a terminal.
    """
    spaced = "".join(" " if character.isspace() else character for character in text)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn"}
    return "".join(c for c in spaced if unicodedata.category(c) not in hidden)


def duration(seconds: float | None) -> str:
    """`42 s`, `5 min 10 s`, `3 h 05 min`; `-` where it is unknown."""
    if seconds is None or not isfinite(seconds):
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def compact(value: float) -> str:
    """At most five characters: `870`, `12.3k`, `4.1M`; `-` for what is no number."""
    if not isfinite(value):
        return "-"
    if value < 1000:
        return f"{value:.0f}"
    if value < 999_500:
        return f"{value / 1e3:.3g}k"
    return f"{value / 1e6:.3g}M"


def number(value: float | None, form: str) -> str:
    """`value` in the format `form`; `-` where there is none."""
    return "-" if value is None or not isfinite(value) else form.format(value)


def finite(values: Iterable[float | None]) -> list[float]:
    """Those that are numbers."""
    return [value for value in values if value is not None and isfinite(value)]


def bar(share: float, width: int) -> str:
    """`[####----]` of exactly `width` characters, at least 3."""
    inner = max(1, width - 2)
    full = round(min(1.0, max(0.0, share)) * inner) if isfinite(share) else 0
    return f"[{'#' * full}{'-' * (inner - full)}]"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """The last `width` values as small bars from their least to their greatest."""
    sparks = _ASCII_SPARKS if ascii_only else _SPARKS
    shown = finite(values[-width:]) if width > 0 else []
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    top = len(sparks) - 1
    return "".join(sparks[round((v - low) / span * top) if span else 0] for v in shown)


def thinned(values: Sequence[float], count: int) -> list[float]:
    """At most `count` means of neighbours, so that the whole course fits."""
    group = max(1, -(-len(values) // max(1, count)))
    starts = range(0, len(values), group)
    return [sum(values[at : at + group]) / len(values[at : at + group]) for at in starts]
