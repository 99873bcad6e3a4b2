"""A learning rate that follows the free energy: cooler while it rises. Imports no torch."""

from pydantic import Field

from state.base import Record
from trainer.instruments.free_energy import free_energy

COOLING, WARMING, COLDEST = 0.9, 1.02, 0.1


class Thermostat(Record):
    """The multiplier of the scheduled rate and what it was decided from."""

    scale: float = Field(default=1.0, gt=0, le=1)
    energy: float | None = None
    """Free energy of the last whole interval in nats."""
    loss_sum: float = 0.0
    """Over the steps of the interval under way, in nats."""
    losses: int = Field(default=0, ge=0)

    def after_step(self, loss: float | None) -> "Thermostat":
        """A step is over; one without a finite loss counts for nothing."""
        if loss is None:
            return self
        return self.model_copy(update={"loss_sum": self.loss_sum + loss, "losses": self.losses + 1})

    def after_interval(self, entropy: float | None, scheduled_rate: float) -> "Thermostat":
        """An interval is over: its mean loss, the weights' entropy now, the rate of the schedule.

        Intervals without a reading leave the rate alone.
        """
        loss = self.loss_sum / self.losses if self.losses else None
        energy = free_energy(loss, entropy, scheduled_rate)
        if energy is None:
            return Thermostat(scale=self.scale, energy=self.energy)
        scale = self.scale
        if self.energy is not None:
            rising = energy > self.energy
            scale = max(COLDEST, scale * COOLING) if rising else min(1.0, scale * WARMING)
        return Thermostat(scale=scale, energy=energy)
