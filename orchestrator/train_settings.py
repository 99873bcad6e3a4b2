"""Where a setting of `train` comes from.

defaults < domain < preset (`--symbio` among them) < file < `--symbio-config` < environment < flags.
"""

import os
import re
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from orchestrator.config import RunConfig
from orchestrator.plain_settings import require_plain
from orchestrator.settings import (
    GATED,
    ORIGINAL_TRAINING,
    Settings,
    from_environment,
    merge,
    nested,
    preset_of,
    read_settings,
    validated,
)
from trainer.instruments.config import symbio_config_of

DEFAULTS: Settings = {
    "mode": "train",
    "budget": 2000,
    # One model has one slot, with all cores: nothing is gained by another process.
    "engine": {"engine": "inline", "workers": 1},
}

DOMAINS: dict[JsonValue, Settings] = {
    "chat": {"data": {"split": "document"}},
    "text": {"data": {"split": "block"}},
}
"""Of a domain that is given; one that is detected decides nothing but how the text is read."""

SYMBIO: Settings = {"train": {"activation": "swiglu"}, "optimizer": ORIGINAL_TRAINING}

ORIGINAL_CHART: Settings = {"train": {"symbio": {"chart": "original"}}}

TRAINING_KEYS = {
    "ffn_activation": "train.activation",
    "activation": "train.activation",
    "ffn_dim": "train.ffn_dim",
    "lr": "optimizer.lr",
    "beta2": "optimizer.beta2",
    "weight_decay": "optimizer.weight_decay",
    "grad_clip": "optimizer.grad_clip",
    "warmup_iters": "optimizer.warmup",
    "warmup": "optimizer.warmup",
    "spike_threshold": "optimizer.spike_threshold",
}
"""What a symbio configuration may say of the training, in the original's words, and where it is."""


class TrainSettings(NamedTuple):
    """The configuration, and what had no effect on it."""

    config: RunConfig
    warnings: tuple[str, ...]


def build_train_config(
    flags: Settings,
    *,
    config_file: Path | None = None,
    symbio_file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> TrainSettings:
    """Merge every source into one configuration.

    Raises:
        ValueError: a value breaks a rule; the message is one line and names it.
    """
    filed = read_settings(config_file) if config_file else {}
    variables = from_environment(os.environ if environment is None else environment)
    given = reduce(merge, (filed, variables, flags))
    require_plain(given)
    if given.get("mode", "train") != "train":
        raise ValueError(f"mode = {given['mode']}: give these settings to symbio-auto itself")
    symbio = symbio_is_on((filed, variables, flags))
    presets = merge(preset_of(given), _symbio_preset(given) if symbio else {})
    own = _symbio_settings(symbio_file) if symbio_file and symbio else {}
    layers = (GATED, DEFAULTS, _of_domain(given), presets, filed, own, variables, flags)
    merged = reduce(merge, map(without_switch, layers))
    merged = merge(merged, nested("train.symbio", _table(merged) if symbio else None))
    warnings = (
        ()
        if symbio or not symbio_file
        else (f"--symbio-config {symbio_file} has no effect without --symbio",)
    )
    return TrainSettings(validated(merged), warnings)


def symbio_is_on(sources: tuple[Settings, ...]) -> bool:
    """Whether the instruments are on: the last source that says anything of them decides."""
    said = [found for source in sources if (found := _symbio_of(source)) is not ...]
    return bool(said) and said[-1] not in (False, None)


def without_switch(settings: Settings) -> Settings:
    """The settings without a plain yes or no to the instruments, which would hide their table."""
    if isinstance(_symbio_of(settings), dict):
        return settings
    train = settings.get("train")
    if not isinstance(train, dict):
        return settings
    return {**settings, "train": {name: train[name] for name in train if name != "symbio"}}


def _symbio_of(settings: Settings) -> object:
    """What the settings say of the instruments; `...` where they say nothing."""
    train = settings.get("train")
    return train.get("symbio", ...) if isinstance(train, dict) else ...


def _table(settings: Settings) -> Settings:
    found = _symbio_of(settings)
    return found if isinstance(found, dict) else {}


def _of_domain(given: Settings) -> Settings:
    data = given.get("data")
    domain = data.get("domain") if isinstance(data, dict) else None
    return DOMAINS.get(domain, {}) if isinstance(domain, str) else {}


def _symbio_preset(given: Settings) -> Settings:
    chart = ORIGINAL_CHART if given.get("preset") == "original" else {}
    return merge(SYMBIO, chart)


def _symbio_settings(path: Path) -> Settings:
    """A symbio configuration: keys of the instruments, and keys of the training.

    Raises:
        ValueError: it cannot be read, or a key is unknown or has a wrong value.
    """
    flag = "--symbio-config"
    document = read_settings(path, flag)
    require_plain(document)
    training: Settings = {}
    for key in [name for name in document if _snake(name) in TRAINING_KEYS]:
        place, value = TRAINING_KEYS[_snake(key)], document.pop(key)
        # The original says 0 where nothing is to be skipped.
        off = place == "optimizer.spike_threshold" and value == 0
        training = merge(training, nested(place, None if off else value))
    symbio = symbio_config_of(document)
    return merge(training, {"train": {"symbio": symbio.model_dump(exclude_unset=True)}})


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
