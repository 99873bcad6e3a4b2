"""The arms: what each asks of the product."""

from collections.abc import Mapping

from benchmarks.pays.specs import SETTINGS, Settings, Spec
from orchestrator.phases import SIX_PHASES
from orchestrator.settings import merge

FIXED = ("gelu", "swiglu", "silu", "relu2", "leaky_relu2")
"""Activations that are trained straight."""
TUNINGS: Mapping[str, Mapping[str, Settings]] = {
    "historic-half": {
        "mean .02": {"host": {"mean_horizon": 0.02}},
        "decay .3": {"optimizer": {"weight_decay": 0.3}},
        "rate .5": {"optimizer": {"lr": 0.003}},
        "dropout .05": {"model": {"dropout": 0.05}},
        "dropout 0": {"model": {"dropout": 0.0}},
        "dropout .2": {"model": {"dropout": 0.2}},
        "fall from .4": {"host": {"decay_from": 0.4}},
    },
    "shakespeare-quarter": {
        "dropout .05": {"model": {"dropout": 0.05}},
        "dropout .2": {"model": {"dropout": 0.2}},
    },
    "prose-eighth": {
        "dropout .05": {"model": {"dropout": 0.05}},
        "dropout .2": {"model": {"dropout": 0.2}},
    },
    "historic": {
        "dropout .05": {"model": {"dropout": 0.05}},
        "dropout 0": {"model": {"dropout": 0.0}},
    },
}
"""By setting, what is tried beside the defaults, one change each. The study tuned dropout at 24,000
steps of historic.txt, rates and weight decay at 6,000, and the shipped defaults are what it found.
"""
HALF_FOR_THE_HOST = (4, 16, 14, 16, 37, 13)
"""Shares of a run that is short of text, once Cambrian has made up the host's half."""


def _without(part: str) -> Settings:
    return {"evolution": {"parts": {part: False}}}


def _shared(shares: tuple[int, ...]) -> Settings:
    pairs = zip(SIX_PHASES, shares, strict=True)
    phases = [phase.model_copy(update={"share": share}) for phase, share in pairs]
    return {"phases": [phase.model_dump(mode="json") for phase in phases]}


LESS_EVOLUTION: Settings = {
    "evolution": {"parts": {"search": "none"}},
    **_shared(HALF_FOR_THE_HOST),
}
POPULATIONS: Mapping[str, Settings] = {
    "symbio-auto": {},
    "random search": {"evolution": {"parts": {"search": "random"}}},
    "gelu lineages distilled": merge(LESS_EVOLUTION, {"evolution": {"activation": "gelu"}}),
    "less evolution": LESS_EVOLUTION,
    "less migration": _without("migration"),
    "less synchrony": _without("synchrony"),
    "less morphing": _without("morph"),
    "less the noise test": _without("noise_test"),
    "less distillation": {"host": {"distil_weight": 0.0}},
    "with fusion": {"evolution": {"fusion": True}},
}
"""Runs of six phases. Fusion is off as it is shipped, so its arm is the one that has it."""
ABLATIONS = tuple(POPULATIONS)[3:]


def population(setting: str, arm: str, seed: int) -> Spec:
    """One of `POPULATIONS`."""
    budget = SETTINGS[setting].budget
    settings = POPULATIONS[arm]
    return Spec(
        setting=setting, arm=arm, mode="phases", budget=budget, seed=seed, settings=settings
    )


def straight(
    setting: str,
    activation: str,
    seed: int,
    *,
    change: Settings | None = None,
    arm: str = "",
    budget: int = 0,
) -> Spec:
    """One model with the whole budget, or with another one."""
    return Spec(
        setting=setting,
        arm=arm or activation,
        mode="train",
        budget=budget or SETTINGS[setting].budget,
        seed=seed,
        settings={"train": {"activation": activation, "sample_interval": 0}, **(change or {})},
    )
