"""Puts the server together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, TypeAlias

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request

from dashboard.web.api.checkpoints import checkpoints_router
from dashboard.web.api.runs import runs_router
from dashboard.web.closing import EndStreams
from dashboard.web.ingest.routes import ingest_router
from dashboard.web.ingest.writer import Writer
from dashboard.web.live import live_router
from dashboard.web.pages import pages_router
from dashboard.web.prometheus import Meters, Stopwatch, prometheus_router
from dashboard.web.refusals import in_one_line
from dashboard.web.security import Guard
from dashboard.web.settings import ServerSettings
from dashboard.web.sources import Sources, UnknownRun
from dashboard.web.uploads import Uploads
from state.durable import OutOfSpace
from state.metrics_reader import MetricsReader
from state.metrics_store import MetricsStore, StoreUnwritable

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Answer: TypeAlias = Callable[[Request, Exception], JSONResponse]


class _Store(NamedTuple):
    """What a server has that runs report to; nothing of it where it takes no reports."""

    writer: Writer | None = None
    reader: MetricsReader | None = None
    uploads: Uploads | None = None

    @classmethod
    def of(cls, settings: ServerSettings) -> "_Store":
        """
        Raises:
            ValueError: the database cannot be used.
        """
        if settings.database is None:
            return cls()
        writer = Writer(MetricsStore.open(settings.database, writer=True))
        reader = MetricsReader.at(settings.database)
        uploads = Uploads(settings.uploads, reader, writer, settings.max_upload_bytes)
        return cls(writer, reader, uploads)


def create_app(settings: ServerSettings, sources: Sources | None = None) -> FastAPI:
    """The application; `sources` are made from the settings where none are given.

    Raises:
        ValueError: the database cannot be used.
    """
    store, meters = _Store.of(settings), Meters()
    sources = sources or Sources(settings, store.reader)
    app = FastAPI(
        title="symbio-auto",
        description="Runs, as the server knows them, and the addresses that runs report to.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_closing(sources, store),
    )
    app.include_router(ingest_router(settings, store.writer, meters))
    app.include_router(runs_router(sources))
    app.include_router(checkpoints_router(store.uploads))
    app.include_router(prometheus_router(sources, meters))
    app.include_router(pages_router(sources))
    app.include_router(live_router(sources))
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.state.closing = asyncio.Event()
    # The one that is added last is asked first.
    app.add_middleware(EndStreams, closing=app.state.closing)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Stopwatch, meters=meters)
    return app


def _closing(sources: Sources, store: _Store) -> Lifespan:
    """What an application does when it ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        for part in (sources, store.reader, store.writer):
            if part is not None:
                part.close()

    return lifespan


def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": in_one_line(error.errors())}, status_code=422)


def _nobody_there(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the request broke off"}, status_code=400)


def _no_run(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"no run is called {str(error)[:200]}"}, status_code=404)


def _no_space(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the server's disk is full"}, status_code=507)


def _unreadable(_request: Request, _error: Exception) -> JSONResponse:
    detail = "what is stored of this run cannot be read by this version"
    return JSONResponse({"detail": detail}, status_code=422)


def _no_store(_request: Request, _error: Exception) -> JSONResponse:
    detail = "the store cannot be reached; try again later"
    return JSONResponse({"detail": detail}, status_code=503, headers={"Retry-After": "10"})


_ANSWERS: Mapping[type[Exception], Answer] = {
    RequestValidationError: _not_valid,
    ClientDisconnect: _nobody_there,
    UnknownRun: _no_run,
    OutOfSpace: _no_space,
    ValidationError: _unreadable,
    SQLAlchemyError: _no_store,
    StoreUnwritable: _no_store,
}
"""What becomes of an error that nobody has met before."""
