"""JSON of a document whose lists gain an element now and then, at the cost of what is new.

A run's histories would be encoded whole with each commit. What is known of a list from the commit
before is used again. The file is the same as without this.
"""

import re
from collections.abc import Mapping
from operator import is_
from secrets import token_hex
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, JsonValue

from state.sealed import Document, Text

Place = tuple[str | int, ...]
"""Keys on the way into a document."""
Values = tuple[object, ...]


class _List(NamedTuple):
    """The elements as they were last seen, and the JSON of each."""

    values: Values = ()
    plain: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()

    def followed(self, values: Values) -> "_List":
        """The list with `values`. What went at its beginning and came at its end is told by
        identity, since what is equal need not be written alike.
        """
        gone = next((n for n, one in enumerate(self.values) if values and one is values[0]), None)
        kept = () if gone is None else self.values[gone:]
        if len(kept) > len(values) or not all(map(is_, kept, values)):
            gone, kept = None, ()
        new = [Text.of(_json(one)) for one in values[len(kept) :]]
        since = slice(len(self.values) if gone is None else gone, None)
        return _List(
            values,
            (*self.plain[since], *(one.plain for one in new)),
            (*self.canonical[since], *(one.canonical for one in new)),
        )


class GrownLists:
    """The lists of the documents that one writer encodes one after the other."""

    def __init__(self) -> None:
        self._known: dict[Place, _List] = {}
        self._mark = token_hex(16)
        """Stands for a list while the rest is encoded; nothing else can hold it."""
        self._marks = re.compile(f'"{self._mark}([0-9]+)"')

    def encode(self, document: Document, lists: Mapping[Place, Values]) -> tuple[Text, Text]:
        """JSON of `document` with `lists` in their places, and of all but what is in them.

        Elements are numbers, tuples of numbers, or records. The document is changed.

        Raises:
            ValueError: a number is not finite.
        """
        known = self._known
        self._known = {at: known.get(at, _List()).followed(lists[at]) for at in lists}
        for number, place in enumerate(lists):
            _put(document, place, f"{self._mark}{number}")
        found, marked = self._known.values(), Text.of(document)
        plain = self._filled(marked.plain, [", ".join(one.plain) for one in found])
        canonical = self._filled(marked.canonical, [",".join(one.canonical) for one in found])
        return Text(plain, canonical), marked

    def _filled(self, marked: str, lists: list[str]) -> str:
        return self._marks.sub(lambda found: f"[{lists[int(found[1])]}]", marked)


def _put(document: Document, place: Place, value: JsonValue) -> None:
    inner: Any = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value


def _json(element: object) -> JsonValue:
    if isinstance(element, BaseModel):
        return element.model_dump(mode="json")
    return cast("JsonValue", element)
