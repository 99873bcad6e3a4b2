"""Activations as functions of a tensor, built from the genome's formula; learnable ones train."""

from trainer.activations.dispatch import Activation, activation, gated
from trainer.activations.learnable import Curve

__all__ = ["Activation", "Curve", "activation", "gated"]
