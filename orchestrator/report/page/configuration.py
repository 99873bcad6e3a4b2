"""Every setting of a run by its full name, as `--config` and the environment know it."""

import json
from collections.abc import Iterator

from pydantic import JsonValue

from orchestrator.config import RunConfig
from orchestrator.report.escape import code, visible


def settings(config: RunConfig) -> list[tuple[str, str]]:
    """Name and value, in the reports' markdown, in the order of the configuration."""
    return [
        (code(name), code(_shown(value)))
        for name, value in _leaves("", config.model_dump(mode="json"))
    ]


def _leaves(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Tables of settings are opened; lists stay whole but for lists of tables."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for index, inner in enumerate(value, 1):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, value


def _shown(value: JsonValue) -> str:
    if isinstance(value, str):
        return visible(value) or '""'
    return json.dumps(value, ensure_ascii=False)
