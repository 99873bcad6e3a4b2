"""Reading runs."""

from fastapi import APIRouter, HTTPException, Response

from dashboard.web.api.course import Course, course
from dashboard.web.api.parameters import Columns, Generation, Last, MemberIds, Points, RunId
from dashboard.web.refusals import READ_REFUSALS
from dashboard.web.sources import RunCard, Sources
from state.base import Record
from state.records import BatteryReport, Decision, Ledger, MemberRecord, Synchrony
from state.store_rows import (
    GenerationSummary,
    PhaseSummary,
    RunSummary,
    StoredEvent,
    StoredFinding,
    StoredSample,
)
from state.stored_run import StoredCheckpoint
from state.wire_cells import clean_text


class RunDetail(Record):
    """One run as a whole."""

    card: RunCard
    summary: RunSummary
    phases: tuple[PhaseSummary, ...]


class Checkpoint(Record):
    """Weights that a run has sent."""

    sha256: str
    step: int | None
    name: str | None
    bytes: int
    uploaded_at: str | None
    complete: bool


def runs_router(sources: Sources) -> APIRouter:
    """The addresses below /api/runs."""
    router = APIRouter(prefix="/api/runs", tags=["reading"], responses=READ_REFUSALS)
    _add_whole(router, sources)
    _add_curves(router, sources)
    _add_population(router, sources)
    _add_evidence(router, sources)
    return router


def _add_whole(router: APIRouter, sources: Sources) -> None:
    @router.get("")
    def runs() -> tuple[RunCard, ...]:
        """Every run, the one begun last first."""
        return sources.cards()

    @router.get("/{run_id}")
    def run(run_id: RunId) -> RunDetail:
        """One run."""
        card, reader = sources.card(run_id), sources.reader(run_id)
        summary = reader.summary(run_id)
        if summary is None:
            raise HTTPException(404, f"run {run_id} is gone")
        return RunDetail(card=card, summary=summary, phases=reader.phases(run_id))

    @router.get("/{run_id}/ledger")
    def ledger(run_id: RunId) -> Ledger | None:
        """Its budget."""
        return sources.reader(run_id).ledger(run_id)

    @router.get("/{run_id}/checkpoints")
    def checkpoints(run_id: RunId) -> tuple[Checkpoint, ...]:
        """What it has sent of its weights."""
        sources.reader(run_id)
        store = sources.store()
        found = store.checkpoints(run_id) if store else ()
        return tuple(map(_shown, found))


def _add_curves(router: APIRouter, sources: Sources) -> None:
    @router.get("/{run_id}/series", response_model=Course)
    def series(
        run_id: RunId, columns: Columns, member: MemberIds = None, points: Points = 2000
    ) -> Response:
        """Curves of its steps; more than `points` are joined to stretches of equally many, of which
        the least, the greatest and the mean value are told.
        """
        reader = sources.reader(run_id)
        members = None if member is None else [clean_text(one) for one in member]
        try:
            found = course(reader, run_id, columns, members, points)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return Response(found.model_dump_json(), media_type="application/json")

    @router.get("/{run_id}/synchrony")
    def synchrony(run_id: RunId, last: Last = None) -> tuple[Synchrony, ...]:
        """The order parameter after each generation."""
        return sources.reader(run_id).synchrony(run_id, last)


def _add_population(router: APIRouter, sources: Sources) -> None:
    @router.get("/{run_id}/generations")
    def generations(run_id: RunId) -> tuple[GenerationSummary, ...]:
        """Every complete generation."""
        return sources.reader(run_id).generations(run_id)

    @router.get("/{run_id}/members")
    def members(run_id: RunId, generation: Generation = None) -> tuple[MemberRecord, ...]:
        """Evaluated members, of one generation or of all."""
        return sources.reader(run_id).members(run_id, generation)


def _add_evidence(router: APIRouter, sources: Sources) -> None:
    @router.get("/{run_id}/decisions")
    def decisions(run_id: RunId, last: Last = None) -> tuple[Decision, ...]:
        """What was decided, and by which numbers."""
        return sources.reader(run_id).decisions(run_id, last)

    @router.get("/{run_id}/findings")
    def findings(run_id: RunId, last: Last = None) -> tuple[StoredFinding, ...]:
        """What the detectors saw."""
        return sources.reader(run_id).findings(run_id, last)

    @router.get("/{run_id}/events")
    def events(run_id: RunId, last: Last = None) -> tuple[StoredEvent, ...]:
        """What happened."""
        return sources.reader(run_id).events(run_id, last)

    @router.get("/{run_id}/samples")
    def samples(run_id: RunId, last: Last = None) -> tuple[StoredSample, ...]:
        """What the model wrote."""
        return sources.reader(run_id).samples(run_id, last)

    @router.get("/{run_id}/batteries")
    def batteries(run_id: RunId) -> tuple[BatteryReport, ...]:
        """What it could do at the end of each phase."""
        return sources.reader(run_id).batteries(run_id)


def _shown(stored: StoredCheckpoint) -> Checkpoint:
    return Checkpoint(**stored.model_dump(include=set(Checkpoint.model_fields)))
