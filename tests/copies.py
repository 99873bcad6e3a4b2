"""Kept champions with a given loss and a given writing."""

from inference_battery.weights import COMPOSITE_VERSION, WEIGHTS
from orchestrator.run_state import Dormant
from state.genome import parse
from state.records import BatteryReport, ProbeScore
from tests.builders import make_evaluation

NUM_PROMPTS = 8


def copy_of(bits: float, formula: str = "gelu", battery: BatteryReport | None = None) -> Dormant:
    """A champion of lineage 0, named by its loss."""
    return Dormant(
        genome=parse(formula),
        checkpoint=f"{formula} at {bits}",
        evaluation=make_evaluation(bits),
        lineage=0,
        phase="cambrian",
        generation=1,
        age_steps=100,
        battery=battery,
    )


def battery_of(
    score: float, spread: float = 0.02, version: int = COMPOSITE_VERSION
) -> BatteryReport:
    """Every probe at `score`, the prompts a little above and below."""
    by_prompt = tuple((score + spread * (-1) ** n, 1.0) for n in range(NUM_PROMPTS))
    return BatteryReport(
        phase="cambrian",
        generation=1,
        version=version,
        composite=score,
        interval=(score - spread, score + spread),
        probes=tuple(ProbeScore(name=name, score=score, by_prompt=by_prompt) for name in WEIGHTS),
        samples=(),
        tokens_per_sec=1000.0,
        kinds=("plain",) * NUM_PROMPTS,
        asked="the same",
        comparable=True,
    )
