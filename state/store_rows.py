"""Records as rows of the metrics store and back, and the records that only its readers see."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from pydantic import JsonValue
from sqlalchemy import RowMapping

from state.base import Record
from state.records import (
    BatteryReport,
    Decision,
    Finding,
    Genome,
    Ledger,
    MemberRecord,
    PhaseName,
    Sample,
    StepMetrics,
    Synchrony,
)

Row = dict[str, object]

STEP_COLUMNS = {name: name for name in StepMetrics.model_fields} | {
    "member_id": "member",
    "learning_rate": "lr",
    "ms_per_step": "ms_per_iter",
}
"""Field of StepMetrics -> column of `metrics`."""

ALWAYS_RECORDED = ("phase", "lr", "skipped", "tokens_per_sec", "ms_per_iter")
"""Columns that no step of a trainer of ours lacks, beside its key."""


class RunSummary(Record):
    """Where a run stands, for a headline."""

    run_id: str
    domain: str | None
    ffn_activation: str | None
    status: str | None
    config: dict[str, JsonValue]
    phase: PhaseName | None
    generation: int | None
    step: int | None
    """Greatest step of any member."""
    best_bits_per_byte: float | None
    """Over all generations, by the search split."""
    num_decisions: int
    created_at: str | None
    updated_at: str | None


class GenerationSummary(Record):
    """One generation's row; `summary` holds all that the controller said of it."""

    phase: PhaseName
    generation: int
    best_bits_per_byte: float | None
    diversity: float | None
    population: int | None
    summary: dict[str, JsonValue]


class PhaseSummary(Record):
    """One phase as far as it has come."""

    phase: PhaseName
    first_generation: int
    last_generation: int | None
    """None before its first generation is complete."""
    num_generations: int
    best_bits_per_byte: float | None
    settings: dict[str, JsonValue]


class LossPoint(Record):
    """One step of a loss curve."""

    phase: PhaseName
    generation: int
    member_id: str
    step: int
    loss: float
    grad_norm: float | None
    tokens_per_sec: float | None


ONLY_IN_BATTERIES = {"kind", "score"}
"""What a sample has only where a battery asked for it."""


class StoredSample(Record):
    """A sample and when it was drawn."""

    phase: PhaseName
    generation: int
    step: int
    sample: Sample


class StoredFinding(Record):
    """A finding and when it was made."""

    phase: PhaseName
    generation: int
    finding: Finding


class StoredEvent(Record):
    """Something that happened to the run, in order of `index`."""

    index: int
    kind: str
    data: dict[str, JsonValue]


def step_row(run_id: str, step: StepMetrics) -> Row:
    """A row of `metrics`."""
    values = dict(step)
    return {"run_id": run_id, **{STEP_COLUMNS[name]: values[name] for name in STEP_COLUMNS}}


def step_of(row: RowMapping) -> StepMetrics:
    """The record of a row of `metrics`."""
    return StepMetrics(**{name: row[column] for name, column in STEP_COLUMNS.items()})


def member_row(run_id: str, member: MemberRecord, fingerprint: str | None) -> Row:
    """A row of `members`."""
    row: Row = member.model_dump(exclude={"member_id", "genome", "parents"})
    per_second = (
        member.gain / member.seconds if member.gain is not None and member.seconds else None
    )
    return row | {
        "run_id": run_id,
        "member": member.member_id,
        "formula": member.genome.formula,
        "gated": member.genome.formula.startswith("glu("),
        "fingerprint": fingerprint,
        "parents": list(member.parents),
        "gain_per_device_second": per_second,
    }


def member_of(row: RowMapping) -> MemberRecord:
    """The record of a row of `members`."""
    own = MemberRecord.model_fields.keys() - {"member_id", "genome", "parents"}
    return MemberRecord(
        member_id=row["member"],
        genome=Genome(formula=row["formula"]),
        parents=tuple(row["parents"]),
        **{name: row[name] for name in own},
    )


def decision_row(run_id: str, index: int, decision: Decision) -> Row:
    """A row of `decisions`."""
    return {"run_id": run_id, "idx": index, **decision.model_dump(mode="json")}


def decision_of(row: RowMapping) -> Decision:
    """The record of a row of `decisions`."""
    return Decision.model_validate({name: row[name] for name in Decision.model_fields})


def synchrony_row(run_id: str, synchrony: Synchrony) -> Row:
    """A row of `synchrony`."""
    return {"run_id": run_id, **synchrony.model_dump(mode="json")}


def synchrony_of(row: RowMapping) -> Synchrony:
    """The record of a row of `synchrony`."""
    return Synchrony.model_validate({name: row[name] for name in Synchrony.model_fields})


def battery_row(run_id: str, report: BatteryReport) -> Row:
    """A row of `batteries`."""
    return {"run_id": run_id, **report.model_dump(mode="json")}


def battery_of(row: RowMapping) -> BatteryReport:
    """The record of a row of `batteries`."""
    given = {name: row[name] for name in BatteryReport.model_fields if row[name] is not None}
    return BatteryReport.model_validate(given)


def ledger_row(run_id: str, ledger: Ledger) -> Row:
    """The row of `ledger`."""
    return {
        "run_id": run_id,
        "budget": ledger.budget,
        "settled": sum(line.settled for line in ledger.lines),
        "reserved": sum(line.reserved for line in ledger.lines),
        "ledger": ledger.model_dump(mode="json"),
    }


def ledger_of(row: RowMapping) -> Ledger:
    """The record of the row of `ledger`."""
    return Ledger.model_validate(row["ledger"])


def sample_rows(
    run_id: str, phase: PhaseName, generation: int, step: int, samples: Sequence[Sample]
) -> list[Row]:
    """Rows of `samples`."""
    place: Row = {"run_id": run_id, "phase": phase, "generation": generation, "step": step}
    return [
        place | {"idx": index} | sample.model_dump(exclude=ONLY_IN_BATTERIES)
        for index, sample in enumerate(samples)
    ]


def sample_of(row: RowMapping) -> StoredSample:
    """The record of a row of `samples`."""
    stored = Sample.model_fields.keys() - ONLY_IN_BATTERIES
    sample = Sample.model_validate({name: row[name] for name in stored})
    return StoredSample(
        phase=row["phase"], generation=row["generation"], step=row["step"], sample=sample
    )


def finding_rows(
    run_id: str, phase: PhaseName, generation: int, findings: Sequence[Finding]
) -> list[Row]:
    """Rows of `findings`."""
    place: Row = {"run_id": run_id, "phase": phase, "generation": generation}
    return [place | {"idx": index} | found.model_dump() for index, found in enumerate(findings)]


def finding_of(row: RowMapping) -> StoredFinding:
    """The record of a row of `findings`."""
    finding = Finding.model_validate({name: row[name] for name in Finding.model_fields})
    return StoredFinding(phase=row["phase"], generation=row["generation"], finding=finding)


def number_in(summary: Mapping[str, JsonValue], name: str) -> float | None:
    """`summary[name]` where it is a number."""
    value = summary.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def document_in(text: str | None) -> dict[str, JsonValue]:
    """The JSON object that a text holds; empty where it holds none."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text or "{}", parse_constant=lambda _: None)
        if isinstance(found, dict):
            return found
    return {}


def event_of(row: RowMapping) -> StoredEvent:
    """The record of a row of `events`."""
    return StoredEvent(index=row["idx"], kind=row["kind"], data=row["data"])


def loss_point_of(row: RowMapping) -> LossPoint:
    """One point of a curve, from columns of `metrics`."""
    names = LossPoint.model_fields.keys() - {"member_id"}
    return LossPoint(member_id=row["member"], **{name: row[name] for name in names})


def generation_of(row: RowMapping) -> GenerationSummary:
    """The record of a row of `generations`."""
    names = GenerationSummary.model_fields
    return GenerationSummary.model_validate({name: row[name] for name in names})


def phase_summary(
    phase: PhaseName, begun: RowMapping | None, generations: Iterable[GenerationSummary]
) -> PhaseSummary:
    """Sums up a phase by its row, if it has one, and its complete generations, if any."""
    own = [generation for generation in generations if generation.phase == phase]
    numbers = [generation.generation for generation in own]
    measured = [value for one in own if (value := one.best_bits_per_byte) is not None]
    return PhaseSummary(
        phase=phase,
        first_generation=begun["first_generation"] if begun else numbers[0],
        last_generation=max(numbers, default=None),
        num_generations=len(own),
        best_bits_per_byte=min(measured, default=None),
        settings=begun["settings"] if begun else {},
    )
