"""Where a setting comes from: defaults < domain < preset < file < environment < flags."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from orchestrator.config import RunConfig

Settings = dict[str, JsonValue]
ENVIRONMENT_PREFIX = "SYMBIO_"

PRESETS: dict[str, Settings] = {
    "default": {},
    # Training values of the original system.
    "original": {
        "model_size": "original",
        "optimizer": {
            "lr": 5e-5,
            "beta2": 0.95,
            "weight_decay": 0.1,
            "grad_clip": 5.0,
            "spike_threshold": 10.0,
            "warmup": 500,
        },
        "data": {"tokenizer": "bpe", "vocab_size": 4000},
        "model": {"recipe": "classic"},
    },
}


def build_config(
    flags: Settings,
    *,
    config_file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> RunConfig:
    """Merge every source into one configuration.

    Raises:
        ValueError: a value breaks a rule; the message is one line and names it.
    """
    filed = read_settings(config_file) if config_file else {}
    variables = from_environment(os.environ if environment is None else environment)
    given = merge(merge(filed, variables), flags)
    preset = str(given.get("preset", "default"))
    if preset not in PRESETS:
        raise ValueError(f"--preset {preset} is unknown; choose one of {', '.join(PRESETS)}")
    merged = merge(PRESETS[preset], given)
    try:
        return RunConfig.model_validate(merged)
    except ValidationError as error:
        raise ValueError(one_line(error)) from None


def merge(low: Settings, high: Settings) -> Settings:
    """`high` over `low`, table by table."""
    merged = dict(low)
    for name, value in high.items():
        below = merged.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = merge(below, value)
        else:
            merged[name] = value
    return merged


def nested(path: str, value: JsonValue) -> Settings:
    """`{"a": {"b": value}}` for the path `a.b`."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return cast(Settings, value)


def read_settings(path: Path) -> Settings:
    """A TOML, JSON or YAML file.

    Raises:
        ValueError: it cannot be read, or is not a table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"--config {path} cannot be read: {error}; give a TOML, JSON or YAML file"
        ) from None
    try:
        loaded = _parse(path.suffix, text)
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise ValueError(
            f"--config {path} is not valid: {first}; mend it or leave it out"
        ) from None
    if not isinstance(loaded, dict):
        raise ValueError(f"--config {path} holds no table of settings; see configs/ for examples")  # noqa: TRY004
    return loaded


def from_environment(variables: Mapping[str, str]) -> Settings:
    """SYMBIO_BUDGET=2000, SYMBIO_MODEL__DIM=64: two underscores go one table down."""
    settings: Settings = {}
    for name in sorted(variables):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in NOT_SETTINGS:
            continue
        path = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        settings = merge(settings, nested(path, _plain(variables[name])))
    return settings


# Belong to other parts of the program.
NOT_SETTINGS = frozenset({"SYMBIO_DB_URL", "SYMBIO_REMOTE_URL", "SYMBIO_REMOTE_SECRET"})


def one_line(error: ValidationError) -> str:
    """The first broken rule: where, what was given, what holds."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    if first["type"] == "extra_forbidden":
        return f"{where} is no setting; see symbio-auto --help for the names"
    return f"{where} = {first['input']!r}: {message[:1].lower()}{message[1:]}"


def _parse(suffix: str, text: str) -> JsonValue:
    if suffix == ".json":
        return cast(JsonValue, json.loads(text))
    if suffix in {".yaml", ".yml"}:
        import yaml

        try:
            return cast(JsonValue, yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from None
    return cast(JsonValue, tomllib.loads(text))


def _plain(text: str) -> JsonValue:
    """A JSON value where the text is one, else the text itself."""
    try:
        return cast(JsonValue, json.loads(text))
    except json.JSONDecodeError:
        return text
