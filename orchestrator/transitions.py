"""What happens at the end of a generation of a search phase: one table, the first row that holds.

A pure function of records, so that a stored run can be decided again without training anything.
"""

from collections.abc import Sequence

from orchestrator.detectors.panel import total_severity
from state.base import Record
from state.records import Decision, Finding, PhaseName

FAILED_SEVERITY = 0.7
SMALL_DISTANCE = 0.3
SMALL_IMPROVEMENT = 0.02
EXHAUSTIONS = 2
"""Generations that find the search exhausted although it was answered: then it is over."""


class Situation(Record):
    """What the table compares."""

    phase: PhaseName
    generation: int
    findings: tuple[Finding, ...]
    answerable: tuple[Finding, ...]
    """Those whose response would change something."""
    best_bits_per_byte: float
    dormant_bits_per_byte: float | None
    """The best dormant copy, if any."""
    steps_left: int
    generation_cost: int
    """Most steps that one more generation can take."""
    recent_acceptance: bool
    """A genome was accepted in the last two generations: the search still gains over noise."""
    extensions: int
    max_extensions: int
    endosymbiosis_left: int
    """Steps that Endosymbiosis holds now."""
    endosymbiosis_floor: int
    """Steps it must keep."""
    locked: bool
    distance: float | None
    best_history: tuple[float, ...]
    cooldown_left: int
    exhaustions: int = 0
    """Generations that found the search exhausted since that was answered."""
    closing: bool = False
    """The search is over; what is left of the phase trains the lineages."""
    tried_in_vain: int = 0
    """Challengers that end the phase, as none was accepted; 0 where it goes on."""
    reverted: bool = False
    """The phase has gone back to a dormant copy before; it does so once."""


def decide(situation: Situation) -> Decision:
    """The decision, with the numbers that made it."""
    for kind, reason in _rows(situation):
        if reason is not None:
            return _decision(situation, kind, reason)
    return _decision(situation, "continue", "nothing calls for a change")


def _rows(now: Situation) -> Sequence[tuple[str, str | None]]:
    return (
        ("revert", _failed(now)),
        ("extend", _worth_extending(now)),
        ("continue", "the remainder trains the lineages" if now.closing else None),
        ("advance", _budget_used(now)),
        ("advance", _in_vain(now)),
        ("advance", _converged(now)),
        ("advance", _exhausted(now)),
        ("continue", _punctuated(now)),
        ("adapt", _answerable(now)),
    )


def _failed(now: Situation) -> str | None:
    severity = total_severity(now.findings)
    dormant = now.dormant_bits_per_byte
    if severity < FAILED_SEVERITY or dormant is None or now.reverted:
        return None
    if dormant >= now.best_bits_per_byte:
        return None
    return (
        f"findings sum to {severity:.1f} and a dormant copy is better "
        f"({dormant:.4f} against {now.best_bits_per_byte:.4f} bits per byte)"
    )


def _worth_extending(now: Situation) -> str | None:
    affordable = now.endosymbiosis_left - now.generation_cost >= now.endosymbiosis_floor
    if now.steps_left >= now.generation_cost or now.extensions >= now.max_extensions:
        return None
    if not now.recent_acceptance or not affordable:
        return None
    return "the phase is at its end and a genome was accepted in the last two generations"


def _budget_used(now: Situation) -> str | None:
    if now.steps_left >= now.generation_cost:
        return None
    if not now.steps_left:
        return "its steps are spent"
    return (
        f"{now.steps_left} steps are left and a generation may take {now.generation_cost}; "
        "the remainder trains the lineages"
    )


def _in_vain(now: Situation) -> str | None:
    if not now.tried_in_vain:
        return None
    return f"none of the {now.tried_in_vain} challengers tried was accepted"


def _converged(now: Situation) -> str | None:
    if not now.locked or now.distance is None or now.distance >= SMALL_DISTANCE:
        return None
    if len(now.best_history) < 3:
        return None
    gain = 1 - now.best_history[-1] / now.best_history[-3]
    if gain >= SMALL_IMPROVEMENT:
        return None
    return (
        f"the lineages are in phase, {now.distance:.2f} apart, "
        f"and improved by {gain:.2%} in two generations"
    )


def _exhausted(now: Situation) -> str | None:
    if now.exhaustions < EXHAUSTIONS:
        return None
    return f"nothing new is found, {now.exhaustions} times since more was tried"


def _punctuated(now: Situation) -> str | None:
    """Standing still while the genomes lie far apart is waited for; other findings are not."""
    waiting = [finding for finding in now.findings if finding.detector == "punctuated"]
    others = [finding for finding in now.answerable if finding.detector != "stagnation"]
    return waiting[0].reason if waiting and not others else None


def _answerable(now: Situation) -> str | None:
    if not now.answerable or now.cooldown_left > 0:
        return None
    return "; ".join(f"{finding.detector}: {finding.reason}" for finding in now.answerable)


def _decision(now: Situation, kind: str, reason: str) -> Decision:
    numbers = {
        "steps_left": float(now.steps_left),
        "generation_cost": float(now.generation_cost),
        "severity": total_severity(now.findings),
        "best_bits_per_byte": now.best_bits_per_byte,
    }
    return Decision.model_validate(
        {
            "phase": now.phase,
            "generation": now.generation,
            "kind": kind,
            "reason": reason,
            "numbers": numbers,
        }
    )
