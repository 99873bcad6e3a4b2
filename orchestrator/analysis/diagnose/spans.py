"""Estimates as cells of a table."""

from orchestrator.analysis.diagnose.record import Estimate
from orchestrator.report.quantities import bpb, signed


def row(found: Estimate) -> str:
    """Value and interval, 29 columns wide."""
    return f"{bpb(found.value):>9}  {span(found):18}"


def span(found: Estimate, *, signs: bool = False) -> str:
    """Its interval, `-` where there is none."""
    if found.interval is None:
        return "-"
    low, high = found.interval.low, found.interval.high
    return f"{signed(low)} to {signed(high)}" if signs else f"{bpb(low)} to {bpb(high)}"


def difference(found: Estimate) -> str:
    """With its sign, and the interval where there is one."""
    between = "" if found.interval is None else f"  {span(found, signs=True)}"
    return f"{signed(found.value)}{between}"


def between(found: Estimate, digits: int) -> str:
    """The interval in brackets, nothing where there is none."""
    if found.interval is None:
        return ""
    return f" ({found.interval.low:.{digits}f} to {found.interval.high:.{digits}f})"
