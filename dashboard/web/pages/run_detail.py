"""What the page of one run shows beside its figures."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dashboard.terminal.event_lines import plain_line
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.timeline import Span, merged
from dashboard.web.pages.wording import activation_tag, count, moment, short
from dashboard.web.sources import RunCard, Sources
from state.store_rows import StoredFinding
from state.stored_run import StoredCheckpoint

MOST_EVENTS = 250
MOST_FINDINGS = 60


class LedgerRow(NamedTuple):
    """What a phase was given, in shares of the whole budget and in steps."""

    phase: str
    allotted: int
    settled: int
    reserved: int
    width: float
    """Of what it was given, in per cent of the largest."""
    done: float
    """Of what it was given, in per cent."""


class EventRow(NamedTuple):
    """One line of the log."""

    number: int
    kind: str
    line: str
    phase: str


class FindingRow(NamedTuple):
    """What one detector found in one phase, of one lineage or of the run."""

    phase: str
    detector: str
    whose: str
    first: int
    last: int
    """Generations."""
    times: int
    severity: float
    """The greatest, 0 to 1."""
    reason: str
    """The last one, with the numbers that it compared."""
    value: float
    limit: float


class Tab(NamedTuple):
    """One of the pages of a run."""

    name: str
    path: str


TABS = (
    Tab("Overview", ""),
    Tab("Evolution", "/evolution"),
    Tab("Battery", "/battery"),
    Tab("Samples", "/samples"),
)


def facts(card: RunCard, view: RunView) -> list[tuple[str, str]]:
    """(what, value) of the run as it was set up."""
    columns, model = view.columns, view.config.get("model")
    own = model if isinstance(model, dict) else {}
    sizes = [
        _sized(columns.get("n_layer") or own.get("layers"), "layers"),
        _sized(columns.get("n_embd") or own.get("dim"), "wide"),
        _sized(columns.get("n_head") or own.get("heads"), "heads"),
        _sized(columns.get("block_size") or own.get("block"), "tokens of context"),
    ]
    parameters = columns.get("estimated_params")
    found = [
        ("model", ", ".join(one for one in sizes if one)),
        ("parameters", short(parameters) if parameters else ""),
        ("text", ", ".join(_files(view.config)) or (card.domain or "")),
        ("seed", str(columns.get("seed") or view.config.get("seed") or "0")),
        ("machine", _machine(columns)),
        ("begun", moment(card.created_at) if card.created_at else ""),
    ]
    return [(name, value) for name, value in found if value]


def ledger_rows(view: RunView) -> list[LedgerRow]:
    """The budget by phase, baselines last."""
    ledger = view.ledger
    if ledger is None:
        return []
    lines = [(line, "") for line in ledger.lines]
    lines += [(line, f" {index + 1}") for index, line in enumerate(ledger.control)]
    largest = max([line.allotted for line, _ in lines] + [1])
    return [
        LedgerRow(
            *(f"{line.phase}{which}", line.allotted, line.settled, line.reserved),
            width=round(100 * line.allotted / largest, 1),
            done=round(100 * line.settled / line.allotted, 1) if line.allotted else 0.0,
        )
        for line, which in lines
    ]


def event_rows(view: RunView) -> list[EventRow]:
    """The newest events first."""
    rows = [
        EventRow(event.index, event.kind, plain_line(event), str(event.data.get("phase", "")))
        for event in view.events[-MOST_EVENTS:]
    ]
    return rows[::-1]


def finding_rows(view: RunView) -> list[FindingRow]:
    """What each detector found in each phase, the newest first."""
    groups: dict[tuple[str, str, int | None], list[StoredFinding]] = {}
    for one in view.findings:
        key = (one.phase, one.finding.detector, one.finding.lineage)
        groups.setdefault(key, []).append(one)
    rows = [
        FindingRow(
            phase=phase,
            detector=detector.replace("_", " "),
            whose="" if lineage is None else f"lineage {lineage}",
            first=own[0].generation,
            last=own[-1].generation,
            times=len(own),
            severity=max(one.finding.severity for one in own),
            reason=own[-1].finding.reason,
            value=own[-1].finding.value,
            limit=own[-1].finding.limit,
        )
        for (phase, detector, lineage), own in groups.items()
    ]
    return sorted(rows, key=lambda row: row.last, reverse=True)[:MOST_FINDINGS]


def phase_strip(view: RunView) -> Sequence[Span]:
    """The phases that have begun, on the run's axis."""
    return merged(view.timeline.spans)


def checkpoints(sources: Sources, view: RunView) -> list[StoredCheckpoint]:
    """Those that can be downloaded from here, the newest first."""
    store = sources.store()
    found = store.checkpoints(view.run_id) if store else ()
    return [one for one in found if one.complete][::-1]


def tags(card: RunCard) -> list[str]:
    """Short words beside a run's name."""
    tag = activation_tag(card.ffn_activation)
    return [tag] if tag else []


def _sized(value: JsonValue, unit: str) -> str:
    return f"{count(value)} {unit}" if isinstance(value, int) else ""


def _files(config: dict[str, JsonValue]) -> list[str]:
    """File names of the texts, without the folders of whoever trained."""
    data = config.get("data")
    paths = data.get("paths") if isinstance(data, dict) else None
    names = (
        [str(one).replace("\\", "/").rstrip("/") for one in paths or []]
        if isinstance(paths, list)
        else []
    )
    return [one.rpartition("/")[2] for one in names][:3]


def _machine(columns: dict[str, JsonValue]) -> str:
    parts = (columns.get("hostname"), columns.get("gpu_name"))
    return ", ".join(str(part) for part in parts if part)
