"""How a run answers its validation gates. Imports no torch."""

from pydantic import Field, field_validator

from orchestrator.validation.limits import LimitsName
from state.base import Record
from state.validation import GateName


class ValidationConfig(Record):
    """Which limits count, and what a failure means."""

    limits: LimitsName = "default"
    strict: bool = False
    """Every gate that fails stops the run; else only what no run survives."""
    waive: tuple[GateName, ...] = Field(default=(), max_length=64)
    """Gates whose failure stops nothing. The report says so."""

    @field_validator("waive", mode="before")
    @classmethod
    def _in_any_case(cls, names: object) -> object:
        if not isinstance(names, list | tuple):
            return names
        return [name.upper() if isinstance(name, str) else name for name in names]
