"""Dialogues: which texts hold them, and where one ends."""

import re
from collections.abc import Iterable, Iterator

from trainer.stretches import Stretch, outside_markers

END_OF_TEXT = "<|end_of_text|>"
ROLES = ("<|user|>", "<|assistant|>")
LOOKED_AT = 200
"""Characters at a text's end in which the marker is looked for."""
_END = re.compile(rf"{re.escape(END_OF_TEXT)}\s*")


class Signs:
    """What of a text says that it holds dialogues, gathered stretch by stretch."""

    def __init__(self) -> None:
        self._tail = self._open = ""
        self._num_ends = self._num_roles = 0

    def add(self, text: str) -> None:
        """The next characters."""
        self._tail = (self._tail + text)[-LOOKED_AT:]
        text = self._open + text
        self._open = text[outside_markers(text) :]
        self._num_ends += text.count(END_OF_TEXT)
        self._num_roles += sum(map(text.count, ROLES))

    def are_of_a_chat(self, line_end: str) -> bool:
        """With that behind it. A text cut off in the middle of its last dialogue is one still."""
        if (self._tail + line_end)[-LOOKED_AT:].rstrip().endswith(END_OF_TEXT):
            return True
        return self._num_ends >= 2 and self._num_roles >= self._num_ends


def cut_dialogues(pieces: Iterable[Stretch]) -> Iterator[Stretch]:
    """Cut after every marker; the white space behind it stays with the document it closes."""
    held, closing, begun = "", False, False
    for text, ends in pieces:
        rest = held + text
        if closing and (spoken := rest.lstrip()):
            yield Stretch(rest[: len(rest) - len(spoken)], ends=True)
            rest, closing, begun = spoken, False, False
        start = 0
        for found in _END.finditer(rest):
            # What follows may be more white space, unless it is seen.
            closing = found.end() == len(rest)
            if not closing:
                yield Stretch(rest[start : found.end()], ends=True)
                start, begun = found.end(), False
        rest = rest[start:]
        kept = len(rest) if ends or closing else outside_markers(rest)
        rest, held = rest[:kept], rest[kept:]
        begun = begun or bool(rest)
        if begun:
            yield Stretch(rest, ends)
        if ends:
            closing = begun = False
