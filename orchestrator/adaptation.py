"""What each finding changes, within the ranges of its phase."""

from orchestrator.config import EvolutionConfig, PhaseConfig
from orchestrator.run_state import PhaseSettings
from state.records import Adjustment, Finding

MAX_DROPOUT = 0.3
SMALLEST_SCALE = 0.05


def has_response(finding: Finding) -> bool:
    """True when `respond` changes settings for this finding."""
    return finding.detector in RESPONSES


def respond(
    finding: Finding, settings: PhaseSettings, phase: PhaseConfig, evolution: EvolutionConfig
) -> tuple[PhaseSettings, tuple[Adjustment, ...]]:
    """The settings after the response, and what changed. At its limit a setting stays."""
    wanted = RESPONSES[finding.detector](settings)
    bounded = _within_ranges(wanted, phase, evolution)
    changed = settings.model_copy(update=bounded)
    adjustments = tuple(
        Adjustment(setting=name, before=getattr(settings, name), after=value)
        for name, value in bounded.items()
        if getattr(settings, name) != value
    )
    return changed, adjustments


def _within_ranges(
    wanted: dict[str, float], phase: PhaseConfig, evolution: EvolutionConfig
) -> dict[str, float]:
    low, high = phase.mutation_range
    shortest = min(evolution.min_steps_per_candidate, phase.steps_per_candidate)
    bounds = {
        "mutation_rate": (low, high),
        "steps_per_candidate": (shortest, 2 * phase.steps_per_candidate),
        "max_depth": (phase.max_depth, phase.max_depth + 3),
        "max_nodes": (phase.max_nodes, phase.max_nodes + 9),
        "coupling": (0.0, 2 * phase.coupling),
        "lr_scale": (SMALLEST_SCALE, 1.0),
        "clip_scale": (SMALLEST_SCALE, 1.0),
        "dropout": (0.0, MAX_DROPOUT),
        "diversity_bonus": (0.0, 1.0),
        "random_members": (0, 2),
    }
    return {
        name: type(value)(min(max(value, bounds[name][0]), bounds[name][1]))
        for name, value in wanted.items()
    }


def _host_overfitting(settings: PhaseSettings) -> dict[str, float]:
    return {"dropout": settings.dropout + 0.1}


def _memorisation(settings: PhaseSettings) -> dict[str, float]:
    return {"steps_per_candidate": settings.steps_per_candidate * 3 // 4}


def _collapse(settings: PhaseSettings) -> dict[str, float]:
    return {
        "mutation_rate": settings.mutation_rate + 0.2,
        "diversity_bonus": settings.diversity_bonus + 0.1,
        "coupling": settings.coupling - 0.2,
        "random_members": 1,
    }


def _instability(settings: PhaseSettings) -> dict[str, float]:
    return {"lr_scale": settings.lr_scale / 2, "clip_scale": settings.clip_scale / 2}


def _stagnation(settings: PhaseSettings) -> dict[str, float]:
    return {"max_depth": settings.max_depth + 1, "max_nodes": settings.max_nodes + 3}


RESPONSES = {
    "host_overfitting": _host_overfitting,
    "memorisation": _memorisation,
    "collapse": _collapse,
    "instability": _instability,
    "stagnation": _stagnation,
}
