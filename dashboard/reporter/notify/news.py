"""What a run's store holds that people have not been told yet."""

from state.metrics_reader import MetricsReader
from state.records import Decision
from state.run_folder import RunFolder
from state.store_rows import RunSummary, StoredFinding, StoredSample

LAST_ROWS = 200
"""Of a table, which is more than a run writes between two looks."""
_SERIOUS = ("instability:", "host_overfitting:", "lineage_overfitting:")


class News:
    """Looks into the store of a run, which may not be there yet."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.metrics_db
        self._reader: MetricsReader | None = None
        self._findings_after = self._decisions_after = -1

    def begin_behind(self, generation: int) -> None:
        """Findings and decisions up to `generation` are known."""
        self._findings_after = self._decisions_after = generation

    def summary(self) -> RunSummary | None:
        """Where the run stands; None while nothing is known.

        Raises:
            ValueError: the store cannot be read.
        """
        run_id = self._run_id()
        return self._opened().summary(run_id) if run_id else None

    def findings(self) -> list[StoredFinding]:
        """Those that are new.

        Raises:
            ValueError: the store cannot be read.
        """
        run_id = self._run_id()
        found = self._opened().findings(run_id, LAST_ROWS) if run_id else ()
        new = [one for one in found if one.generation > self._findings_after]
        self._findings_after = max([self._findings_after, *(one.generation for one in new)])
        return new

    def decisions(self) -> list[Decision]:
        """Those that are new.

        Raises:
            ValueError: the store cannot be read.
        """
        run_id = self._run_id()
        found = self._opened().decisions(run_id, LAST_ROWS) if run_id else ()
        new = [one for one in found if one.generation > self._decisions_after]
        self._decisions_after = max([self._decisions_after, *(one.generation for one in new)])
        return new

    def newest_samples(self, phase: str | None = None) -> list[StoredSample]:
        """What was drawn last, at one step of the `phase` or of any.

        Raises:
            ValueError: the store cannot be read.
        """
        run_id = self._run_id()
        drawn = self._opened().samples(run_id, LAST_ROWS) if run_id else ()
        found = [one for one in drawn if phase in {None, one.phase}]
        return [one for one in found if _drawn(one) == _drawn(found[-1])]

    def close(self) -> None:
        """Close the store."""
        if self._reader is not None:
            self._reader.close()

    def _run_id(self) -> str | None:
        return self._opened().latest_run()

    def _opened(self) -> MetricsReader:
        if self._reader is None:
            self._reader = MetricsReader.at(self._path)
        return self._reader


def is_regression(decision: Decision) -> bool:
    """The run became worse, or trains too fast to be kept on, or learns its text by heart."""
    serious = any(name in decision.reason for name in _SERIOUS)
    return decision.kind == "revert" or (decision.kind == "adapt" and serious)


def _drawn(one: StoredSample) -> tuple[int, str, int]:
    return one.generation, one.phase, one.step
