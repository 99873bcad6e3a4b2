"""Where a setting comes from: defaults < domain < preset < file < environment < flags."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from reprlib import Repr
from typing import cast

from pydantic import JsonValue, ValidationError

from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.plain_settings import require_plain
from orchestrator.setting_names import setting_paths
from state.nearest import nearest, question, quoted, suggestion

Settings = dict[str, JsonValue]
ENVIRONMENT_PREFIX = "SYMBIO_"
MAX_FILE_BYTES = 1_000_000
"""Of a file of settings: more is another file, given by mistake."""

ORIGINAL_TRAINING: Settings = {
    "lr": 5e-5,
    "beta2": 0.95,
    "weight_decay": 0.1,
    "grad_clip": 5.0,
    "spike_threshold": 10.0,
    "warmup": 500,
}
"""Training values of the original system."""

PRESETS: dict[str, Settings] = {
    "default": {},
    "original": {
        "model_size": "original",
        "optimizer": ORIGINAL_TRAINING,
        "data": {"tokenizer": "bpe", "vocab_size": 4000},
        "model": {"recipe": "classic"},
        "evolution": {"activation": "gelu"},
    },
}


GATED: Settings = {"validation": {}}
"""A run that is begun today asks its validation gates; `validation = null` asks none."""


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
    require_plain(given)
    if given.get("mode", "phases") != "phases":
        raise ValueError("mode is what a command says; give these settings to symbio-auto train")
    return validated(reduce(merge, (GATED, preset_of(given), given)))


def preset_of(given: Settings) -> Settings:
    """The settings of the preset that was asked for.

    Raises:
        ValueError: there is no such preset.
    """
    preset = given.get("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        given_preset = preset if isinstance(preset, str) else _QUOTED.repr(preset)
        near = suggestion(given_preset, PRESETS)
        raise ValueError(f"--preset {quoted(given_preset)} is unknown; {near}")
    return PRESETS[preset]


def validated(settings: Settings) -> RunConfig:
    """The configuration that the settings make.

    Raises:
        ValueError: a value breaks a rule; the message is one line and names it.
    """
    try:
        return RunConfig.model_validate(settings)
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


def read_settings(path: Path, flag: str = "--config") -> Settings:
    """A TOML, JSON or YAML file, which was given with `flag`.

    Raises:
        ValueError: it cannot be read, or is not a table.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{flag} {path} cannot be read: {reason}; give a TOML, JSON or YAML file"
        ) from None
    try:
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES:,} bytes")
        loaded = _parse(path.suffix, text)
    except RecursionError:
        raise ValueError(f"{flag} {path} nests too deeply; mend it or leave it out") from None
    except ValueError as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{flag} {path} is not valid: {first}; mend it or leave it out") from None
    if not isinstance(loaded, dict):
        raise ValueError(f"{flag} {path} holds no table of settings; see configs/ for examples")  # noqa: TRY004
    return loaded


def from_environment(variables: Mapping[str, str]) -> Settings:
    """SYMBIO_BUDGET=2000, SYMBIO_MODEL__DIM=64: two underscores go one table down.

    Raises:
        ValueError: a variable names no setting.
    """
    settings: Settings = {}
    for name in sorted(variables):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in NOT_SETTINGS:
            continue
        path = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
        if path not in setting_paths():
            raise ValueError(f"{quoted(name)} names no setting; {_near_variable(path)}")
        settings = merge(settings, nested(path, _plain(variables[name])))
    return settings


# Belong to other parts of the program.
NOT_SETTINGS = frozenset(
    {
        "SYMBIO_DB_URL",
        "SYMBIO_NO_FIGURES",
        "SYMBIO_NOTIFY_URLS",
        "SYMBIO_READ_SECRET",
        "SYMBIO_REMOTE_URL",
        "SYMBIO_REMOTE_SECRET",
        "SYMBIO_COMPUTE_ENDPOINT",
    }
)


_LITERAL = re.compile("'([^']*)'")
"""A value that pydantic names as allowed."""

# A value that was refused may be a table of thousands.
_QUOTED = Repr()
_QUOTED.maxlevel, _QUOTED.maxdict, _QUOTED.maxstring, _QUOTED.maxother = 3, 6, 120, 120


def one_line(error: ValidationError) -> str:
    """The first broken rule: where, what was given, what holds."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    if first["type"] == "extra_forbidden":
        return f"{quoted(where)} is no setting; {_near_setting(first['loc'])}"
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        names = _LITERAL.findall(first["ctx"]["expected"])
        meant = suggestion(first["input"], names, otherwise=f"it is one of {', '.join(names)}")
        return f"{where} = {quoted(first['input'])} is unknown; {meant}"
    return f"{where} = {_QUOTED.repr(first['input'])}: {message[:1].lower()}{message[1:]}"


def _near_setting(place: tuple[str | int, ...]) -> str:
    """The setting that was meant by one in a table, or in a table of a list."""
    see = "see symbio-auto --help for the names"
    if any(isinstance(part, int) for part in place):
        return suggestion(str(place[-1]), PhaseConfig.model_fields, otherwise=see)
    return suggestion(".".join(map(str, place)), setting_paths(), otherwise=see)


def _near_variable(path: str) -> str:
    meant = question([variable_of(one) for one in nearest(path, setting_paths())])
    return meant or "take it away, or see symbio-auto --help for the names"


def variable_of(path: str) -> str:
    """`SYMBIO_MODEL__DIM` for `model.dim`."""
    return ENVIRONMENT_PREFIX + path.upper().replace(".", "__")


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
    except (ValueError, RecursionError):
        return text
