"""What went wrong as one line that a terminal can show.

An error quotes what it was given, and that may be hostile: escape sequences, line separators,
megabytes.
"""

MAX_CHARS = 600
"""The line is cut in its middle: it begins with the value and ends with the remedy."""


def error_line(text: str) -> str:
    """`text` on one line, control characters spelled out, at most `MAX_CHARS` long."""
    line = " ".join(text[: 100 * MAX_CHARS].split())
    line = "".join(map(_shown, line))
    if len(line) <= MAX_CHARS:
        return line
    half = MAX_CHARS // 2 - 3
    return f"{line[:half]} ... {line[-half:]}"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
