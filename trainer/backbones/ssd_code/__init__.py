"""What tokens of one window hand each other in Mamba-2, compiled for the CPU."""

from trainer.backbones.ssd_code.compiled import fits, within

__all__ = ["fits", "within"]
