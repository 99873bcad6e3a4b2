"""Where the server's runs are: in folders, and in the store that runs report to."""

from contextlib import suppress
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from dashboard.web.cards import RunCard, card_of, moment, status_of
from dashboard.web.folders import FolderRuns
from dashboard.web.settings import ServerSettings
from state.metrics_reader import MetricsReader
from state.run_folder import RunFolder
from state.stored_run import StoredRun
from state.wire_cells import clean_text

__all__ = ["RunCard", "Sources", "UnknownRun"]


class UnknownRun(LookupError):  # noqa: N818
    """No source has a run of this name."""


class Sources:
    """Answers for a run in a folder and for one in the server's store alike.

    Where both have it, the folder is asked. Several threads may share one.
    """

    def __init__(self, settings: ServerSettings, store: MetricsReader | None = None) -> None:
        """`store` is the server's own, if it has one."""
        self._stale_seconds = settings.stale_seconds
        self._folders = FolderRuns(settings.runs, settings.stale_seconds)
        self._store = store

    def __enter__(self) -> "Sources":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened of the folders."""
        self._folders.close()

    def cards(self) -> tuple[RunCard, ...]:
        """Every run, the one begun last first."""
        cards = self._folders.cards()
        for run in self._store.runs() if self._store else ():
            if run.run_id not in cards:
                cards[run.run_id] = self._stored_card(run)
        begun_last = sorted(cards.values(), key=_begun, reverse=True)
        return tuple(begun_last)

    def card(self, run_id: str) -> RunCard:
        """One run.

        Raises:
            UnknownRun: nobody has it.
        """
        _require_writable(run_id)
        card = self._folders.card(run_id)
        run = self._store.run(run_id) if card is None and self._store else None
        if card is None and run is not None:
            card = self._stored_card(run)
        if card is None:
            raise UnknownRun(run_id)
        return card

    def reader(self, run_id: str) -> MetricsReader:
        """The store that has the run; it may hold others as well.

        Raises:
            UnknownRun: nobody has it.
        """
        _require_writable(run_id)
        found = self._folders.find(run_id)
        if found is not None:
            return found[1]
        if self._store is not None and self._store.run(run_id) is not None:
            return self._store
        raise UnknownRun(run_id)

    def folder(self, run_id: str) -> RunFolder | None:
        """The run's folder; None where it was only reported."""
        found = self._folders.find(run_id)
        return found[0] if found else None

    def store(self) -> MetricsReader | None:
        """The store that runs report to."""
        return self._store

    def mark(self, run_id: str) -> str:
        """A text that changes whenever something to be shown of the run has; cheap.

        Raises:
            UnknownRun: nobody has it.
        """
        _require_writable(run_id)
        mark = self._folders.mark(run_id)
        if mark is not None:
            return mark
        run = self._store.run(run_id) if self._store else None
        if run is None:
            raise UnknownRun(run_id)
        return f"{run.revision}-{self._stored_card(run).health}"

    def news(self, run_id: str) -> str:
        """A text that changes with the mark, and with what lies beside the store.

        Raises:
            UnknownRun: nobody has it.
        """
        return f"{self.mark(run_id)}{self.card(run_id).beside}"

    def _stored_card(self, run: StoredRun) -> RunCard:
        heard_at = moment(run.reported_at) or moment(str(run.columns["updated_at"]))
        last = None
        if run.columns["latest_step"] is None and self._store is not None:
            with suppress(SQLAlchemyError, ValueError):
                last = self._store.last_point(run.run_id)
        return card_of(
            run,
            last,
            name=run.run_id,
            source="server",
            status=status_of(run),
            heard_at=heard_at,
            stale_seconds=self._stale_seconds,
        )


def _require_writable(run_id: str) -> None:
    """Databases refuse to look for what they cannot hold."""
    if clean_text(run_id) != run_id:
        raise UnknownRun(run_id)


def _begun(card: RunCard) -> tuple[str, str]:
    return card.created_at or "", card.run_id
