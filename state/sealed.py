"""JSON documents that carry a sha256 of their own content, so that damage is noticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

Document = dict[str, JsonValue]


class Text(NamedTuple):
    """A value that is JSON already: as it stands in a file, and as its sha256 is taken."""

    plain: str
    canonical: str

    @classmethod
    def of(cls, value: JsonValue) -> "Text":
        """
        Raises:
            ValueError: a number is not finite.
        """
        return cls(json.dumps(value, allow_nan=False), _canonical(value))

    @classmethod
    def of_entries(cls, entries: Mapping[str, "Text"]) -> "Text":
        """An object of these."""
        plain = (f"{json.dumps(name)}: {text.plain}" for name, text in entries.items())
        inner = (f"{json.dumps(name)}:{entries[name].canonical}" for name in sorted(entries))
        return cls(f"{{{', '.join(plain)}}}", f"{{{','.join(inner)}}}")


class DamagedDocument(ValueError):  # noqa: N818
    """The bytes are not a document that was sealed."""


def seal(document: Mapping[str, JsonValue | Text], *, in_lines: bool = False) -> bytes:
    """The document as one line of JSON, or as one line an entry for people, with its sha256 in
    front.

    Raises:
        ValueError: a number is not finite.
    """
    texts = {
        name: value if isinstance(value, Text) else Text.of(value)
        for name, value in document.items()
    }
    sha = hashlib.sha256(Text.of_entries(texts).canonical.encode()).hexdigest()
    entries = [f"{json.dumps(k)}: {v.plain}" for k, v in {"sha256": Text.of(sha), **texts}.items()]
    # An indent would leave the encoder in C for one in Python, which takes five times as long.
    body = ",\n ".join(entries) if in_lines else ", ".join(entries)
    return (f"{{\n {body}\n}}\n" if in_lines else f"{{{body}}}\n").encode()


def unseal(data: bytes) -> Document:
    """The document that `seal` was given.

    Raises:
        DamagedDocument: torn, changed, or never sealed.
    """
    try:
        document = json.loads(data)
        if isinstance(document, dict) and document.pop("sha256", None) == digest(document):
            return document
    except (ValueError, RecursionError) as error:
        raise DamagedDocument("it is not whole JSON") from error
    raise DamagedDocument("its content does not have the sha256 that it states")


def digest(document: Mapping[str, JsonValue]) -> str:
    """sha256 of the document, whatever the order of its keys."""
    return hashlib.sha256(_canonical(document).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
