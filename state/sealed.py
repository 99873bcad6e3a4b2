"""JSON documents that carry a sha256 of their own content, so that damage is noticed."""

import hashlib
import json
from collections.abc import Mapping

from pydantic import JsonValue

Document = dict[str, JsonValue]


class DamagedDocument(ValueError):  # noqa: N818
    """The bytes are not a document that was sealed."""


def seal(document: Mapping[str, JsonValue], *, in_lines: bool = False) -> bytes:
    """The document as one line of JSON, or as one line an entry for people, with its sha256 in
    front.

    Raises:
        ValueError: a number is not finite.
    """
    sealed: Document = {"sha256": digest(document), **document}
    if not in_lines:
        return (json.dumps(sealed, allow_nan=False) + "\n").encode()
    # An indent would leave the encoder in C for one in Python, which takes five times as long.
    entries = (f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in sealed.items())
    return ("{\n" + ",\n".join(entries) + "\n}\n").encode()


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
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
