"""Everything that the pages of one run ask, read at most once for each state of the run."""

import json
import threading
from collections.abc import Hashable
from functools import cached_property

from pydantic import JsonValue

from dashboard.web.figures.timeline import Timeline, timeline_of
from state import metrics_figures
from state.metrics_figures import Mark
from state.metrics_reader import MetricsReader
from state.records import BatteryReport, Decision, Ledger, MemberRecord, Synchrony
from state.store_rows import (
    GenerationSummary,
    PhaseSummary,
    StoredEvent,
    StoredFinding,
    StoredSample,
)

INSTRUMENTS = ("cusum_grad_pos", "weight_entropy", "effective_rank", "free_energy")
MEASURES = ("weight_entropy", "effective_rank", "free_energy", "mi_input_output")
MOST_ALARMS = 2_000
CLIPPING = ("clip_coef", "clip_pct")


class RunView:
    """One run as it stood at one mark."""

    def __init__(self, reader: MetricsReader, run_id: str) -> None:
        self.reader, self.run_id = reader, run_id
        self.kept: dict[Hashable, object] = {}
        """What figures have read that others may need."""
        self.lock = threading.RLock()
        """Held by who makes a figure, so that no two read the same at once."""

    @cached_property
    def columns(self) -> dict[str, JsonValue]:
        """The run's row; empty where the store does not have it yet."""
        run = self.reader.run(self.run_id)
        return run.columns if run else {}

    @cached_property
    def config(self) -> dict[str, JsonValue]:
        """The resolved configuration, as far as it was stored."""
        return document(self.columns.get("train_config"))

    @cached_property
    def timeline(self) -> Timeline:
        """The axis of its figures."""
        return timeline_of(metrics_figures.stints(self.reader, self.run_id), self.members)

    @cached_property
    def members(self) -> tuple[MemberRecord, ...]:
        """Every evaluated member."""
        return self.reader.members(self.run_id)

    @cached_property
    def generations(self) -> tuple[GenerationSummary, ...]:
        """Every complete generation."""
        return self.reader.generations(self.run_id)

    @cached_property
    def phases(self) -> tuple[PhaseSummary, ...]:
        """Every phase that has begun."""
        return self.reader.phases(self.run_id)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them, oldest first."""
        return self.reader.decisions(self.run_id)

    @cached_property
    def findings(self) -> tuple[StoredFinding, ...]:
        """What the detectors saw, oldest first."""
        return self.reader.findings(self.run_id)

    @cached_property
    def synchrony(self) -> tuple[Synchrony, ...]:
        """The order parameter after every generation that has one."""
        return self.reader.synchrony(self.run_id)

    @cached_property
    def batteries(self) -> tuple[BatteryReport, ...]:
        """Every report of the battery."""
        return self.reader.batteries(self.run_id)

    @cached_property
    def samples(self) -> tuple[StoredSample, ...]:
        """Every sample."""
        return self.reader.samples(self.run_id)

    @cached_property
    def events(self) -> tuple[StoredEvent, ...]:
        """All of them, oldest first."""
        return self.reader.events(self.run_id)

    @cached_property
    def ledger(self) -> Ledger | None:
        """The budget, where the run has one."""
        return self.reader.ledger(self.run_id)

    @cached_property
    def measures(self) -> dict[str, tuple[Mark, ...]]:
        """Every reading of the sparse measures, by column."""
        return metrics_figures.readings(self.reader, self.run_id, MEASURES)

    @cached_property
    def alarms(self) -> tuple[int, tuple[Mark, ...]]:
        """At how many steps a CUSUM chart alarmed, and the last of them."""
        return metrics_figures.marked(self.reader, self.run_id, "cusum_alerts", MOST_ALARMS)

    @cached_property
    def has_instruments(self) -> bool:
        """A symbio run whose instruments have read something."""
        return self.columns.get("symbio") == 1 and self.has(INSTRUMENTS)

    @cached_property
    def has_clipping(self) -> bool:
        """Any run that tells how much clipping took."""
        return self.has(CLIPPING)

    def has(self, columns: tuple[str, ...]) -> bool:
        """Whether any step has a value in one of the columns."""
        return metrics_figures.has_values(self.reader, self.run_id, columns)


def document(text: JsonValue) -> dict[str, JsonValue]:
    """A stored JSON object; empty for what is none."""
    if not isinstance(text, str):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
