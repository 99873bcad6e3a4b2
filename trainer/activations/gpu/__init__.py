"""Activations as Triton kernels, one launch for members with different programs."""

from trainer.activations.gpu.available import usable_on, why_absent, without_kernels
from trainer.activations.gpu.programs import Program, Programs, blend, program

__all__ = ["Program", "Programs", "blend", "program", "usable_on", "why_absent", "without_kernels"]
