"""`POST /api/ingest`."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from dashboard.web.api.parameters import Encoding
from dashboard.web.ingest.body import read_json, unpacked
from dashboard.web.ingest.writer import Writer
from dashboard.web.prometheus import Meters
from dashboard.web.refusals import REFUSALS, refusing
from dashboard.web.settings import ServerSettings
from state.base import Record
from state.wire import parse

_BODY = {
    "requestBody": {
        "required": True,
        "description": "A message, or a batch of messages; may be packed with gzip.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "type": {"type": "string"},
                        "run_id": {"type": "string"},
                        "rows": {"type": "array", "items": {"type": "object"}},
                        "messages": {"type": "array", "items": {"type": "object"}},
                        "generation": {"type": "integer"},
                    },
                    "required": ["type"],
                }
            }
        },
    }
}


class Accepted(Record):
    """A report is stored."""

    accepted: int
    """Rows."""
    held: int | None = None
    """Rows of the run that were ever stored, these included; null where it is not one run."""


def ingest_router(settings: ServerSettings, writer: Writer | None, meters: Meters) -> APIRouter:
    """The address that runs report to; `writer` is None where nobody may."""
    router = APIRouter(prefix="/api", tags=["reporting"])

    def store(body: bytes, encoding: str) -> Accepted:
        assert writer is not None
        data = unpacked(body, encoding, settings.max_unpacked_bytes)
        applied = writer.apply(parse(read_json(data)))
        meters.ingested.inc(applied.num_rows)
        return Accepted(accepted=applied.num_rows, held=applied.held)

    @router.post("/ingest", responses=REFUSALS, openapi_extra=_BODY)
    async def ingest(request: Request, content_encoding: Encoding = "") -> Accepted:
        """Store a report. Sending it again changes nothing."""
        body = await request.body()
        with refusing():
            return await run_in_threadpool(store, body, content_encoding)

    return router
