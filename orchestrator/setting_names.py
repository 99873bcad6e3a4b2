"""The names of all settings, as a file, an environment variable or `--set` spells them."""

from collections.abc import Iterator
from functools import cache
from typing import get_args, get_origin

from pydantic import BaseModel

from orchestrator.config import RunConfig


@cache
def setting_paths() -> tuple[str, ...]:
    """`budget`, `model`, `model.dim` and so on: every setting and every table of settings.

    What stands in a list has no path of its own.
    """
    return tuple(_paths(RunConfig))


def _paths(table: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in table.model_fields.items():
        path = f"{above}{name}"
        yield path
        for inner in _tables(field.annotation):
            yield from _paths(inner, f"{path}.")


def _tables(annotation: object) -> Iterator[type[BaseModel]]:
    """The tables that a field may hold: itself, or one of a union."""
    for one in () if get_origin(annotation) is tuple else (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
