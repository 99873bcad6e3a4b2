"""A proxy of a free energy: the loss plus a temperature times the entropy of the weights."""

from math import isfinite

TEMPERATURE_PER_RATE = 1000.0


def free_energy(loss: float | None, entropy: float | None, learning_rate: float) -> float | None:
    """`loss + T * entropy` in nats with `T = 1000 * learning_rate`.

    None where loss or entropy is absent or not finite.
    """
    if loss is None or entropy is None:
        return None
    energy = loss + TEMPERATURE_PER_RATE * learning_rate * entropy
    return energy if isfinite(energy) else None
