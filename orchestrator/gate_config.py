"""Settings of the phase gate."""

from pydantic import Field

from state.base import Record


class GateConfig(Record):
    """Limits of the phase gate."""

    bits_per_byte_slack: float = Field(default=0.005, ge=0)
    """Relative deficit to the best so far that still passes."""
    composite_slack: float = Field(default=0.03, ge=0)
    """Deficit of the battery's composite to the best so far that still passes."""
    composite_collapse: float = Field(default=0.7, gt=0, lt=1)
    """A composite below this share of the best, intervals apart, goes back at once."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    resamples: int = Field(default=1000, ge=100, le=100_000)
