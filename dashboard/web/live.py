"""Server-sent events: a page is told that a run has a new mark, and asks for what is in sight."""

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from dashboard.web.sources import Sources, UnknownRun

POLL_SECONDS = 1.0
"""Between two looks at a mark."""
SHARED_SECONDS = 0.8
"""For so long all who follow a run share one look."""
QUIET_SECONDS = 15.0
"""After so much silence a line is sent, so that a broken connection is noticed."""
LIFE_SECONDS = 600.0
"""Of one stream; a browser comes again by itself."""
MOST_LISTENERS = 256
MOST_RUNS = 6


class Marks:
    """The marks of runs, looked at once for all who ask within a moment."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._known: dict[tuple[str, ...], tuple[float, str]] = {}
        self._lock = threading.Lock()
        self.num_listeners = 0

    def read(self, run_ids: tuple[str, ...]) -> str:
        """One text for all of these runs; for none of them, of the list of runs.

        Raises:
            UnknownRun: nobody has one of them.
        """
        now = time.monotonic()
        with self._lock:
            known = self._known.get(run_ids)
            if known is not None and now - known[0] < SHARED_SECONDS:
                return known[1]
        mark = _digest("\n".join(map(self._sources.news, run_ids)) if run_ids else self._of_list())
        with self._lock:
            self._known = {
                key: one for key, one in self._known.items() if now - one[0] < 60 * POLL_SECONDS
            }
            self._known[run_ids] = (now, mark)
        return mark

    def _of_list(self) -> str:
        facts = (
            (card.run_id, card.status, card.health, card.updated_at, card.latest_step, card.beside)
            for card in self._sources.cards()
        )
        return repr(list(facts))


def live_router(sources: Sources) -> APIRouter:
    """`GET /live?run=ID`: a stream of marks; without a run, of the list of runs."""
    router = APIRouter()
    marks = Marks(sources)

    @router.get("/live", include_in_schema=False)
    async def live(
        request: Request, run: Annotated[list[str] | None, Query(max_length=MOST_RUNS)] = None
    ) -> StreamingResponse:
        run_ids = tuple(run or ())
        if marks.num_listeners >= MOST_LISTENERS:
            raise HTTPException(503, "too many pages follow this server; close some")
        first = await run_in_threadpool(marks.read, run_ids)
        stream = _stream(request, marks, lambda: marks.read(run_ids), first)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    return router


async def _stream(
    request: Request, marks: Marks, read: Callable[[], str], mark: str
) -> AsyncIterator[str]:
    """Every new mark as it comes, until the browser goes or the run does."""
    begun = told = time.monotonic()
    marks.num_listeners += 1
    try:
        yield f"retry: 3000\n{_event(mark)}"
        while time.monotonic() - begun < LIFE_SECONDS and not await request.is_disconnected():
            await asyncio.sleep(POLL_SECONDS)
            now = await run_in_threadpool(read)
            if now != mark:
                mark, told = now, time.monotonic()
                yield _event(mark)
            elif time.monotonic() - told > QUIET_SECONDS:
                told = time.monotonic()
                yield ": nothing new\n\n"
    except UnknownRun:
        yield "event: gone\ndata: \n\n"
    finally:
        marks.num_listeners -= 1


def _event(mark: str) -> str:
    return f"event: mark\ndata: {mark}\n\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
