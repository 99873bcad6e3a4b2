"""What each finding changes, within the ranges of its phase."""

from orchestrator.config import PhaseConfig
from orchestrator.detectors.complexity import LARGE_GRAPH
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import PhaseSettings
from state.records import Adjustment, Finding

MAX_DROPOUT = 0.3
SMALLEST_SCALE = 0.05
RESETS_CONSENSUS = ("fusion_trap",)
"""Findings whose answer also begins the lineages' running means anew."""


def has_response(finding: Finding, evolution: EvolutionConfig) -> bool:
    """True when the finding is one that is answered, and the answer is not withheld."""
    return finding.detector in RESPONSES and finding.detector not in evolution.withheld


def can_change(
    finding: Finding, settings: PhaseSettings, phase: PhaseConfig, evolution: EvolutionConfig
) -> bool:
    """True when the answer would do something: at their limits settings stay as they are."""
    if not has_response(finding, evolution):
        return False
    if evolution.fusion and finding.detector in RESETS_CONSENSUS:
        return True
    return bool(respond(finding, settings, phase)[1])


def respond(
    finding: Finding, settings: PhaseSettings, phase: PhaseConfig
) -> tuple[PhaseSettings, tuple[Adjustment, ...]]:
    """The settings after the response, and what changed. At its limit a setting stays."""
    wanted = RESPONSES[finding.detector](settings)
    bounded = _within_ranges(wanted, settings, _ranges(phase))
    changed = settings.model_copy(update=bounded)
    adjustments = tuple(
        Adjustment(setting=name, before=getattr(settings, name), after=value)
        for name, value in bounded.items()
        if getattr(settings, name) != value
    )
    return changed, adjustments


def _within_ranges(
    wanted: dict[str, float], settings: PhaseSettings, ranges: dict[str, tuple[float, float]]
) -> dict[str, float]:
    """What is wanted, cut at the range. A setting that lies outside is not pulled in: a response
    never moves it against its own direction.
    """
    bounded = {}
    for name, value in wanted.items():
        now, (low, high) = getattr(settings, name), ranges[name]
        bounded[name] = type(now)(min(max(value, min(low, now)), max(high, now)))
    return bounded


def _ranges(phase: PhaseConfig) -> dict[str, tuple[float, float]]:
    return {
        "mutation_rate": phase.mutation_range,
        "max_nodes": (min(LARGE_GRAPH, phase.max_nodes), phase.max_nodes),
        "coupling": (0.0, 2 * phase.coupling),
        "lr_scale": (SMALLEST_SCALE, 1.0),
        "clip_scale": (SMALLEST_SCALE, 1.0),
        "dropout": (0.0, MAX_DROPOUT),
        "diversity_bonus": (0.0, 1.0),
        "random_members": (0, 2),
        "leaf_pool": (0, 1),
        "complexity_scale": (1.0, 8.0),
        "fusion_scale": (0.03, 1.0),
    }


def _overfitting(settings: PhaseSettings) -> dict[str, float]:
    return {"dropout": settings.dropout + 0.1}


def _collapse(settings: PhaseSettings) -> dict[str, float]:
    return {
        "mutation_rate": settings.mutation_rate + 0.2,
        "diversity_bonus": settings.diversity_bonus + 0.1,
        "coupling": settings.coupling - 0.2,
        "random_members": 1,
    }


def _fusion_trap(settings: PhaseSettings) -> dict[str, float]:
    return {"fusion_scale": settings.fusion_scale * 0.3}


def _complexity(settings: PhaseSettings) -> dict[str, float]:
    return {
        "complexity_scale": settings.complexity_scale * 2,
        "max_nodes": min(settings.max_nodes, LARGE_GRAPH),
    }


def _instability(settings: PhaseSettings) -> dict[str, float]:
    return {"lr_scale": settings.lr_scale / 2, "clip_scale": settings.clip_scale / 2}


def _exhaustion(settings: PhaseSettings) -> dict[str, float]:
    return {"leaf_pool": settings.leaf_pool + 1}


RESPONSES = {
    "host_overfitting": _overfitting,
    "lineage_overfitting": _overfitting,
    "collapse": _collapse,
    "fusion_trap": _fusion_trap,
    "complexity": _complexity,
    "instability": _instability,
    "exhaustion": _exhaustion,
}
