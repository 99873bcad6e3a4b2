"""Passes of a run over its text, and whether they say from the start that steps are short."""

from orchestrator.config import RunConfig

MANY_PASSES = 18.0
"""Passes of one model with the whole budget from which a taught host beats that model: +.0045 bits
per byte at 16.3, -.049 at 65.3, in between by the logarithm. See docs/design/regime.md.
"""

MANY_STEPS = 3000
"""Of a budget, from which its lineages get old enough to teach: a fifth of it at most is theirs."""


def deciding_passes(config: RunConfig) -> float | None:
    """Passes of the budget, by which the run decides on its shares; None where they are to stay."""
    stay = config.preset == "original" or not config.evolution.shift_shares
    return None if stay else passes_of(config, config.budget)


def is_short_of_steps(config: RunConfig, *, gap_grew: bool = False) -> bool:
    """By budget and passes, known before anything was trained; `gap_grew` says that the text is
    memorised already, however few the passes. Never where shares are to stay.
    """
    passes = deciding_passes(config)
    if passes is None:
        return False
    return config.budget < MANY_STEPS or (passes < MANY_PASSES and not gap_grew)


def passes_of(config: RunConfig, steps: float) -> float | None:
    """How often `steps` pass over the train split; None where its size is not known."""
    tokens = config.data.train_tokens
    return None if tokens is None else steps * config.step_tokens / tokens
