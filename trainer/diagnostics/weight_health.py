"""The weights themselves: how large, and how many directions they use."""

from typing import NamedTuple

from trainer.backbones.gpt import GPT
from trainer.instruments.effective_rank import effective_rank


class MatrixReadings(NamedTuple):
    """One matrix of the model."""

    name: str
    shape: tuple[int, int]
    rms: float
    """Root mean square of its values."""
    effective_rank: float | None
    """Exponential of the entropy of its singular values; None for a matrix of zeros."""

    @property
    def rank_share(self) -> float:
        """Of the smaller dimension; a random matrix of equal sides has .78."""
        return (self.effective_rank or 0.0) / min(self.shape)


def read_weights(model: GPT) -> list[MatrixReadings]:
    """Every matrix, from the embedding to the head."""
    return [
        MatrixReadings(
            name=name.removesuffix(".weight"),
            shape=(weight.shape[0], weight.shape[1]),
            rms=float(weight.detach().double().square().mean().sqrt()),
            effective_rank=effective_rank(weight.detach()),
        )
        for name, weight in model.named_parameters()
        if weight.ndim == 2 and name.endswith("weight")
    ]
