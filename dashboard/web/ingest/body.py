"""Request bodies: unpacked within bounds, and read as JSON."""

import json
import zlib

from state.wire import BadMessage


class TooLarge(ValueError):  # noqa: N818
    """A body is larger than the server takes."""


class UnknownEncoding(ValueError):  # noqa: N818
    """A body is packed in a way that the server does not know."""


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before it was packed.

    Raises:
        TooLarge: it is longer than `limit` bytes.
        BadMessage: it is damaged.
        UnknownEncoding: it is packed neither with gzip nor not at all.
    """
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        return body
    if kind in {"gzip", "x-gzip"}:
        return _gunzipped(body, limit)
    raise UnknownEncoding(f"Content-Encoding {encoding[:40]!r} is unknown; pack with gzip")


def read_json(body: bytes) -> object:
    """The document in a body.

    Raises:
        BadMessage: it is no JSON, or nests too deeply.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise BadMessage("the body nests too deeply") from None
    except ValueError as error:
        raise BadMessage(f"the body is no JSON ({str(error)[:100]})") from None


def _gunzipped(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise BadMessage("the body is no gzip file, as its Content-Encoding says") from None
    if len(data) > limit:
        raise TooLarge(f"the body has more than {limit} bytes once unpacked; send fewer rows")
    if not unpacker.eof:
        raise BadMessage("the body is a gzip file that ends too early")
    return data
