"""Causal attention: compiled for the CPU where it fits, PyTorch's own elsewhere."""

from trainer.backbones.attention.attend import attend, attend_to

__all__ = ["attend", "attend_to"]
