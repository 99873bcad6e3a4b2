"""Activations compiled for the CPU: one pass over memory forward, one backward."""

from trainer.activations.cpu.kernel import PRECISIONS, Kernel

__all__ = ["PRECISIONS", "Kernel"]
