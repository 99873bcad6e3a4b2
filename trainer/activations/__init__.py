"""Activations as functions of a tensor, built from the genome's formula."""

from trainer.activations.dispatch import Activation, activation

__all__ = ["Activation", "activation"]
