"""Puts the server together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
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
from state.metrics_store import MetricsStore


def create_app(settings: ServerSettings, sources: Sources | None = None) -> FastAPI:
    """The application; `sources` are made from the settings where none are given.

    Raises:
        ValueError: the database cannot be used.
    """
    writer = reader = uploads = None
    if settings.database is not None:
        writer = Writer(MetricsStore.open(settings.database, writer=True))
        reader = MetricsReader.at(settings.database)
        uploads = Uploads(settings.uploads, reader, writer, settings.max_upload_bytes)
    sources = sources or Sources(settings, reader)
    meters, closing = Meters(), asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        for part in (sources, reader, writer):
            if part is not None:
                part.close()

    app = FastAPI(
        title="symbio-auto",
        description="Runs, as the server knows them, and the addresses that runs report to.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.closing = closing
    _add_routes(
        app,
        [
            ingest_router(settings, writer, meters),
            runs_router(sources),
            checkpoints_router(uploads),
            prometheus_router(sources, meters),
            pages_router(sources),
            live_router(sources),
        ],
    )
    # The one that is added last is asked first.
    app.add_middleware(EndStreams, closing=closing)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Stopwatch, meters=meters)
    return app


def _add_routes(app: FastAPI, routers: list[APIRouter]) -> None:
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(ClientDisconnect, _nobody_there)
    app.add_exception_handler(UnknownRun, _no_run)
    app.add_exception_handler(OutOfSpace, _no_space)
    app.add_exception_handler(ValidationError, _unreadable)
    app.add_exception_handler(SQLAlchemyError, _no_store)


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
