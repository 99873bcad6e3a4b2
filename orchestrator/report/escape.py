"""Text from corpora, genomes and paths inside markdown: shown, never obeyed."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$]|(?<=:)//|(?<=www)\.)")
_BARE_PIPE = re.compile(r"(?<!\\)\|")
_LINE_ENDS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def visible(text: str) -> str:
    """`text` without control and invisible format characters; line feeds and tabs stay.

    Other line ends become line feeds.
    """
    text = _LINE_ENDS.sub(lambda found: "\n" * max(1, found[0].count("\n")), text)
    return "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )


def inline(text: str) -> str:
    """Plain text for a paragraph or a table cell, on one line; addresses are not links."""
    return _SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))


def code(text: str) -> str:
    """A code span for a paragraph or a table cell, on one line."""
    line = " ".join(visible(text).split()) or " "
    fence = "`" * (_longest_run("`", line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str) -> str:
    """A fenced block that `text` cannot close."""
    shown = visible(text)
    fence = "`" * max(3, _longest_run("`", shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are markdown already; bare pipes in a cell are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(markdown: str) -> str:
    return _BARE_PIPE.sub(r"\|", markdown)


def _longest_run(character: str, text: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(character)}+", text)), default=0)
