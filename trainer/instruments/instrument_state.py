"""What of the instruments follows from the bits of the run. Imports no torch."""

from pydantic import Field

from state.base import Record
from trainer.instruments.cusum_panel import Charts
from trainer.instruments.thermostat import Thermostat


class InstrumentState(Record):
    """The instruments between two steps: a part of checkpoints."""

    charts: Charts
    batch: int = Field(ge=1)
    """Windows in the next step's batch."""
    calm_steps: int = Field(default=0, ge=0)
    thermostat: Thermostat | None = None
    """None: the rate is the schedule's."""
