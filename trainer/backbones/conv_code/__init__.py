"""The short convolution of Mamba-2 and its SiLU compiled for the CPU."""

from trainer.backbones.conv_code.compiled import conv_compiled, fits

__all__ = ["conv_compiled", "fits"]
