"""Sending checkpoints, and fetching them."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from dashboard.web.api.parameters import Encoding, RunId, Sha256
from dashboard.web.ingest.body import read_json, unpacked
from dashboard.web.refusals import READ_REFUSALS, REFUSALS, refusals, refusing
from dashboard.web.uploads import UnknownUpload, Uploads
from state.base import Record
from state.wire import require_run_id
from state.wire_cells import KEY_CHARACTERS, clean_text

_PART = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}
_FILE: dict[str, object] = {"content": {"application/octet-stream": {}}}
MOST_BYTES = 2**50
ANNOUNCEMENT_BYTES = 2**16


class Announcement(Record):
    """A checkpoint that is to be sent."""

    run_id: str = Field(max_length=KEY_CHARACTERS)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=1, le=MOST_BYTES)
    step: int | None = Field(default=None, ge=0, lt=2**53)
    name: str | None = Field(default=None, max_length=KEY_CHARACTERS)


class Progress(Record):
    """How far an upload has come."""

    received: int
    """Bytes that are there: the next part begins here."""
    complete: bool


_ANNOUNCEMENT = {
    "requestBody": {
        "required": True,
        "description": "May be packed with gzip.",
        "content": {"application/json": {"schema": Announcement.model_json_schema()}},
    }
}


def checkpoints_router(uploads: Uploads | None) -> APIRouter:
    """The addresses of checkpoints; `uploads` is None where nobody may send any."""
    router = APIRouter(prefix="/api", tags=["reporting"])
    if uploads is not None:
        _add_sending(router, uploads)
    _add_fetching(router, uploads)
    return router


def _add_sending(router: APIRouter, uploads: Uploads) -> None:
    def announced(body: bytes, encoding: str) -> Progress:
        document = read_json(unpacked(body, encoding, ANNOUNCEMENT_BYTES))
        asked = Announcement.model_validate(document)
        name = clean_text(asked.name) if asked.name else None
        run_id = require_run_id(asked.run_id)
        known, received = uploads.announce(run_id, asked.sha256, asked.step, name, asked.bytes)
        return Progress(received=received, complete=known.complete)

    @router.post("/checkpoints", responses=REFUSALS, openapi_extra=_ANNOUNCEMENT)
    async def announce(request: Request, content_encoding: Encoding = "") -> Progress:
        """Begin to send a checkpoint, or ask how much of it is there."""
        body = await request.body()
        with refusing():
            return await run_in_threadpool(announced, body, content_encoding)

    @router.put(
        "/runs/{run_id}/checkpoints/{sha256}",
        responses={**REFUSALS, **refusals(404, 409)},
        openapi_extra=_PART,
    )
    async def send(
        request: Request,
        run_id: RunId,
        sha256: Sha256,
        offset: Annotated[int, Query(ge=0, le=MOST_BYTES)],
    ) -> Progress:
        """Send the part that begins at `offset`."""
        data = await request.body()
        with refusing():
            known, received = await run_in_threadpool(uploads.append, run_id, sha256, offset, data)
        return Progress(received=received, complete=known.complete)


def _add_fetching(router: APIRouter, uploads: Uploads | None) -> None:
    @router.get(
        "/runs/{run_id}/checkpoints/{sha256}",
        responses={**READ_REFUSALS, 200: _FILE},
        response_class=FileResponse,
        tags=["reading"],
    )
    def fetch(run_id: RunId, sha256: Sha256) -> FileResponse:
        """The file."""
        try:
            if uploads is None:
                raise UnknownUpload(sha256)
            known, path = uploads.path(run_id, sha256)
        except UnknownUpload:
            raise HTTPException(404, "there is no such checkpoint") from None
        return FileResponse(
            path, media_type="application/octet-stream", filename=_file_name(known.name, sha256)
        )


def _file_name(name: str | None, sha256: str) -> str:
    """What a browser is told to call it: the last part of the run's own name for it."""
    last = (name or "").replace("\\", "/").rpartition("/")[2].strip(". ")
    kept = "".join(letter for letter in last if letter.isprintable())
    return kept or f"{sha256[:12]}.safetensors"
