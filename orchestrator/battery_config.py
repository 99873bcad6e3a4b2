"""The configuration of the inference battery. Imports no torch."""

from typing import Annotated

from pydantic import Field

from state.base import Record

Question = Annotated[str, Field(min_length=1, max_length=10_000)]
Temperature = Annotated[float, Field(ge=0, le=10)]


class BatteryConfig(Record):
    """What the inference battery asks."""

    prompts: int = Field(default=20, ge=1, le=1_000)
    """Openings of held-out text; our own fill the gap where it offers too few. Gates compare what
    is written from 8 prompts on.
    """
    questions: tuple[Question, ...] = ()
    """Prompts of the user's own, in place of those."""
    temperatures: tuple[Temperature, ...] = Field(default=(0.4, 0.7, 1.0), min_length=1)
    max_new_tokens: int = Field(default=80, ge=1, le=10_000)
