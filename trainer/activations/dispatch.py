"""Which code computes an activation: compiled on the CPU and on CUDA, eager PyTorch elsewhere."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from state.genome import expression
from state.records import Genome
from trainer.activations import reference
from trainer.activations.cpu import PRECISIONS, Kernel
from trainer.activations.gpu import Programs, program, usable_on

Activation: TypeAlias = Callable[[Tensor], Tensor]


class Formula:
    """A formula on tensors of any kind, element by element."""

    def __init__(self, genome: Genome) -> None:
        self.tree = expression(genome)
        self.kernel = Kernel(self.tree)
        self.on_devices: dict[torch.device, Programs] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """f(x), in the dtype of x."""
        if x.is_cpu and x.dtype in PRECISIONS:
            return self.kernel(x)
        if usable_on(x):
            return self.programs(x.device)(x[None])[0]
        return reference.evaluate(self.tree, x)

    def gated(self, x: Tensor, u: Tensor) -> Tensor:
        """f(x) u."""
        if x.is_cpu and x.dtype in PRECISIONS and u.dtype == x.dtype:
            return self.kernel.gated(x, u)
        if usable_on(x) and u.dtype == x.dtype:
            return self.programs(x.device).gated(x[None], u[None])[0]
        return reference.evaluate(self.tree, x) * u

    def programs(self, device: torch.device) -> Programs:
        """The kernel on a device."""
        if device not in self.on_devices:
            self.on_devices[device] = Programs([program(self.tree)], device)
        return self.on_devices[device]


def activation(genome: Genome) -> Formula:
    """The function of the pre-activation; of a gated genome, its inner one.

    Raises:
        ValueError: the genome is learnable: its function is a `Curve` with parameters.
    """
    return Formula(genome)


def gated(inner: Activation, x: Tensor, u: Tensor) -> Tensor:
    """`inner(x) u`, in one pass where there is code for it."""
    return inner.gated(x, u) if isinstance(inner, Formula) else inner(x) * u
