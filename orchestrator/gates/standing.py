"""Which of several copies is the best? Search bits per byte decide, and the battery may veto."""

from collections.abc import Iterable

from inference_battery.intervals import are_comparable
from orchestrator.gate_config import GateConfig
from orchestrator.run_state import Dormant
from state.records import BatteryReport


def ranked(copies: Iterable[Dormant], config: GateConfig) -> list[Dormant]:
    """Best first: by search bits per byte, behind all others those whose writing has collapsed."""
    listed = list(copies)
    reports = [one.battery for one in listed if one.battery is not None]
    return sorted(
        listed,
        key=lambda one: (
            any(has_collapsed(one.battery, other, config) for other in reports),
            one.evaluation.bits_per_byte,
            one.checkpoint,
        ),
    )


def has_collapsed(
    candidate: BatteryReport | None, best: BatteryReport | None, config: GateConfig
) -> bool:
    """A composite far below another's, intervals apart."""
    if candidate is None or best is None or not are_comparable(candidate, best):
        return False
    if candidate.interval is None or best.interval is None:
        return False
    apart = candidate.interval[1] < best.interval[0]
    return apart and candidate.composite < config.composite_collapse * best.composite
