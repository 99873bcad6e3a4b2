"""`GET /metrics`: what the server does and how its active runs stand, for Prometheus."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import get_args

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.web.cards import RunCard, moment
from dashboard.web.sources import Sources, UnknownRun
from state.records import PhaseName

PHASES = get_args(PhaseName)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OF_A_RUN = {
    "loss": "Training loss of the newest step, in nats",
    "val_loss": "Newest search loss that was reported, in nats",
    "best_bits_per_byte": "Least bits per byte of any generation, by the search split",
    "tokens_per_second": "Throughput of the newest step",
    "phase_index": f"Phase of the newest step, from 0: {', '.join(PHASES)}",
    "budget_used_ratio": "Member-steps settled over the budget",
    "last_row_age_seconds": "Since something was heard of the run",
}


class Meters:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ingested = Counter(
            "symbio_ingested_rows", "Rows that were reported and stored", registry=self.registry
        )
        self.refused = Counter(
            "symbio_refused_requests",
            "Requests that were refused",
            ["status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "symbio_request_seconds",
            "From a request to the beginning of its answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )


class RunGauges(Collector):
    """Reads the sources whenever somebody asks."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: registering must not read every run."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Runs by status, and the gauges of each active run."""
        cards = self._sources.cards()
        runs = GaugeMetricFamily("symbio_runs", "Runs by status", labels=["status"])
        statuses = [card.status for card in cards]
        for status in sorted(set(statuses)):
            runs.add_metric([status], statuses.count(status))
        yield runs
        gauges = {
            name: GaugeMetricFamily(f"symbio_run_{name}", text, labels=["run_id"])
            for name, text in _OF_A_RUN.items()
        }
        for card in cards:
            if card.health != "ended":
                for name, value in self._read(card).items():
                    gauges[name].add_metric([card.run_id], value)
        yield from gauges.values()

    def _read(self, card: RunCard) -> dict[str, float]:
        found: dict[str, float | None] = {"best_bits_per_byte": card.best_bits_per_byte}
        heard_at = moment(card.updated_at)
        if heard_at is not None:
            found["last_row_age_seconds"] = (datetime.now(UTC) - heard_at).total_seconds()
        with suppress(UnknownRun, SQLAlchemyError, ValueError, TypeError, KeyError):
            reader = self._sources.reader(card.run_id)
            last, ledger = reader.last_point(card.run_id), reader.ledger(card.run_id)
            found["val_loss"] = reader.last_val_loss(card.run_id)
            if last is not None:
                found["loss"], found["tokens_per_second"] = last.loss, last.tokens_per_sec
                found["phase_index"] = PHASES.index(last.phase)
            if ledger is not None:
                settled = sum(line.settled for line in ledger.lines)
                found["budget_used_ratio"] = settled / ledger.budget
        return {name: value for name, value in found.items() if value is not None}


class Stopwatch:
    """ASGI middleware: how long answers take, and how many are refusals."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the beginning of the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, watched)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # A route's pattern, never its address: those who ask must not make up labels.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST", "PUT"} else "other"
        self._meters.seconds.labels(method, route).observe(seconds)
        if status >= 400:
            self._meters.refused.labels(str(status)).inc()


def prometheus_router(sources: Sources, meters: Meters) -> APIRouter:
    """The address that Prometheus asks."""
    router = APIRouter(tags=["watching"])
    meters.registry.register(RunGauges(sources))

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Counters and gauges in the text format of Prometheus."""
        return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)

    return router
