"""Layers whose parameters are filled by whoever builds the model, drawn or read, and not before:
PyTorch's own draw values when they are made, which takes as long as drawing those that stay.
"""

from torch import nn


class Linear(nn.Linear):
    """A linear map of empty weights."""

    def reset_parameters(self) -> None:
        """Nothing."""


class Embedding(nn.Embedding):
    """A table of empty vectors."""

    def reset_parameters(self) -> None:
        """Nothing."""
