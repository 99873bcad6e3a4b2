"""Settings by dotted names, and those in which runs differ."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

NOT_OF_THE_RESULT = {
    "seed",
    "run_dir",
    "keep_gb",
    "control",
    "data.paths",
    "engine.device_index",
    "engine.engine",
    "engine.host_threads",
    "engine.ray_address",
    "engine.workers",
}
"""Two runs that differ in these alone have equal settings: it is the seed, where a run was made, or
what was trained beside it. The text itself is compared by its hash.
"""
Values = dict[str, JsonValue]


class Difference(NamedTuple):
    """One setting in which runs differ."""

    path: str
    values: tuple[JsonValue, ...]
    """In the order of the runs; None also where a run has no such setting."""


def flattened(value: JsonValue, path: str = "") -> Values:
    """`{"model.dim": 64, "phases.cambrian.population": 12}`: tables go down, lists of named tables
    by their names, other lists stay whole.
    """
    if isinstance(value, list) and value and all(_name_of(one) for one in value):
        value = {_name_of(one): one for one in value}
    if not isinstance(value, dict) or not value:
        return {path: value}
    found: Values = {}
    for name, inner in value.items():
        found |= flattened(inner, f"{path}.{name}" if path else name)
    return found


def differences(
    settings: Sequence[Mapping[str, JsonValue]], *, of_the_result: bool = False
) -> list[Difference]:
    """The settings that are not the same in all runs, in the order of the configuration; with
    `of_the_result` none that say where a run was made.

    A table that some run lacks is one difference, not one for each of its settings.
    """
    paths = list(dict.fromkeys(path for one in settings for path in one))
    paths = [path for path in paths if not (of_the_result and path in NOT_OF_THE_RESULT)]
    known = set(paths)
    found: list[Difference] = []
    for path in paths:
        values = tuple(_value(one, path) for one in settings)
        if known.isdisjoint(_above(path)) and any(value != values[0] for value in values):
            found.append(Difference(path, values))
    return found


def equal_but_for_the_seed(one: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> bool:
    """Whether the results of two runs differ by chance alone, given the same text."""
    paths = (one.keys() | other.keys()) - NOT_OF_THE_RESULT
    return all(one.get(path) == other.get(path) for path in paths)


def _above(path: str) -> list[str]:
    """`a` and `a.b` for the path `a.b.c`."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _name_of(value: JsonValue) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def _value(settings: Mapping[str, JsonValue], path: str) -> JsonValue:
    """The setting; `(3 settings)` for a table that is a single value in another run."""
    if path in settings:
        return settings[path]
    inside = sum(name.startswith(f"{path}.") for name in settings)
    return f"({inside} settings)" if inside else None
