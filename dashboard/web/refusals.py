"""What a refusal looks like, and which one an error becomes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import HTTPException
from pydantic import ValidationError

from dashboard.web.ingest.body import TooLarge, UnknownEncoding
from dashboard.web.uploads import Unacceptable, UnknownUpload, WrongPlace
from state.base import Record
from state.wire import BadMessage


class Refusal(Record):
    """Why a request was not answered, in one line."""

    detail: str


_TEXTS = {
    400: "the request cannot be understood",
    401: "the secret is missing or wrong",
    403: "nobody may write here, or not from that page",
    404: "there is no such thing",
    409: "it continues at another place",
    413: "the body is too large",
    415: "the body is packed in an unknown way",
    421: "the host name is not this server's",
    422: "what is sent cannot be stored",
    507: "the disk is full",
}


def refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Descriptions of these status codes."""
    return {code: {"model": Refusal, "description": _TEXTS[code]} for code in codes}


REFUSALS = refusals(400, 401, 403, 413, 415, 421, 422, 507)
"""Of everything that writes."""
READ_REFUSALS = refusals(400, 401, 404, 421, 422)
"""Of everything that reads."""


@contextmanager
def refusing() -> Iterator[None]:
    """An error about what was sent becomes a refusal."""
    try:
        yield
    except TooLarge as error:
        raise HTTPException(413, str(error)) from None
    except UnknownEncoding as error:
        raise HTTPException(415, str(error)) from None
    except UnknownUpload:
        raise HTTPException(404, "nobody has announced this checkpoint") from None
    except WrongPlace as place:
        raise HTTPException(409, str(place)) from None
    except ValidationError as error:
        raise HTTPException(422, in_one_line(error.errors())) from None
    except (BadMessage, Unacceptable) as error:
        raise HTTPException(422, str(error)) from None


def in_one_line(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first thing that is wrong: where, and what holds."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"[:300]
