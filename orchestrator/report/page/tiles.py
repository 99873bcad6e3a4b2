"""The figures at the top of the page: the result beside everything that it is held against."""

from typing import Literal, NamedTuple

from orchestrator.commits import best_bits_per_byte
from orchestrator.report.headline import SAME_BPB
from orchestrator.report.page.evidence import Evidence
from orchestrator.report.page.intervals import interval
from orchestrator.report.quantities import bpb, signed
from state.records import Evaluation


class Tile(NamedTuple):
    """One figure."""

    name: str
    value: str
    note: str
    kind: Literal["ours", "better", "worse", "plain"] = "plain"
    """Of a control: better or worse than the run."""


def tiles(seen: Evidence) -> tuple[Tile, ...]:
    """The run, its controls, the order-2 model and the untrained one."""
    final, report = seen.saved.run.final, seen.report
    if final is None or report is None:
        best = best_bits_per_byte(seen.saved.run)
        spent = sum(line.settled for line in seen.saved.run.ledger.lines)
        budget = seen.saved.run.ledger.budget
        return (
            Tile("best so far", bpb(best), "bits per byte on the search split", "ours"),
            Tile("spent", f"{spent / budget:.0%}", f"{spent:,} of {budget:,} member-steps"),
        )
    ours = final.test or final.search
    bits = dict(seen.controls)
    found = [
        Tile(
            "this model" if seen.is_single else "this run",
            bpb(ours.bits_per_byte),
            _note(ours),
            "ours",
        )
    ]
    for name, value in final.controls:
        lead = value - ours.bits_per_byte
        kind: Literal["better", "worse", "plain"] = "worse" if lead > 0 else "better"
        note = f"{signed(lead)}\n{_note(bits.get(name))}".rstrip()
        found.append(
            Tile(f"control {name}", bpb(value), note, "plain" if abs(lead) < SAME_BPB else kind)
        )
    for name, value in (
        ("order-2 byte model", report.order2.bits_per_byte),
        ("untrained model", report.untrained.bits_per_byte),
    ):
        found.append(Tile(name, bpb(value), signed(value - ours.bits_per_byte)))
    return tuple(found)


def _note(evaluation: Evaluation | None) -> str:
    found = interval(evaluation) if evaluation is not None else None
    return f"95 %: {found[0]:.4f} to {found[1]:.4f}" if found else ""
