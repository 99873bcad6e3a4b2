"""The packing table as text."""

from orchestrator.analysis.compare.table import one_line, wrapped
from orchestrator.analysis.diagnose.packing_record import Memory, Packing


def packing_table(found: Memory) -> list[str]:
    """The table by itself, with whose members they are."""
    return [*wrapped(f"members of {one_line(found.model)}"), *memory(found)]


def memory(found: Memory) -> list[str]:
    """How many members of a shape this device holds."""
    lines = _table(found) if found.rows else []
    for one in found.unfit:
        lines += wrapped(f"batch {one.batch:,} of {one.block:,}: {one_line(one.reason)}")
    if found.skipped:
        what = "the rest" if found.rows else "memory"
        lines += wrapped(f"{what}: skipped, {one_line(found.skipped)}")
    if not found.rows and not found.skipped:
        return ["memory: no shape of member fits here", *lines]
    return lines


def _table(found: Memory) -> list[str]:
    first = found.rows[0]
    on = f", {one_line(found.device)}" if found.device else ""
    together = any(row.together for row in found.rows)
    return [
        *wrapped(
            f"members in this device's memory{on}, {first.dtype}, a thread each; a worker alone "
            f"{first.worker_megabytes:,.0f} MB"
        ),
        f"{'batch':>7}  {'block':>6}  {'member':>10}  {'free':>11}  {'members fit':>11}  "
        f"{'tokens/s':>9}  {'measured':10}{'  trained at once' if together else ''}".rstrip(),
        *(_row(row, together=together) for row in found.rows),
    ]


def _row(row: Packing, *, together: bool) -> str:
    once = f"  {row.together or '-':>15}" if together else ""
    cells = (
        f"{row.batch:7,}  {row.block:6,}  {row.megabytes:7,.0f} MB  {row.free_megabytes:8,.0f} MB  "
        f"{row.fitting:11,}  {row.tokens_per_second:9,.0f}  {row.measured or 'now':10}{once}"
    )
    return cells.rstrip()
