"""Members' activations in one launch, forward and backward.

A program is a structure and the constants in its slots. Tensors are [M, ...], M members; the
kernels are those of the set of structures, whatever the constants and whoever has which.
"""

from collections.abc import Sequence
from typing import NamedTuple, assert_never

import torch
from torch import Tensor

from state.genome.expression import Expression
from trainer.activations.cpu.structure import Function, Product, Slot, Structure, Sum, structure
from trainer.activations.gpu.kernels import LOOPS, kernel
from trainer.activations.recomputed import LoopName, gated_value, value

BLOCK = 1024
"""Elements of a program of the grid: eight for each of its 128 threads."""
TOGETHER = 16
"""Structures of one kernel, and so of one launch."""
OPTIONS = {"enable_fp_fusion": True}
"""Multiply-adds are fused whatever Triton's version has as its default."""


class Program(NamedTuple):
    """What a member computes."""

    structure: Structure
    constants: tuple[float, ...]


def program(tree: Expression) -> Program:
    """The program of a formula."""
    return Program(*structure(tree))


def blend(old: Program, new: Program, t: float) -> Program:
    """`(1-t) old + t new`, of one structure whatever t is."""
    behind = len(old.constants) + 1
    parts = (Slot(0, shifted(old.structure, 1)), Slot(behind, shifted(new.structure, behind + 1)))
    return Program(Sum(parts), (1 - t, *old.constants, t, *new.constants))


def shifted(formula: Structure, by: int) -> Structure:
    """The structure with its slots moved on."""
    match formula:
        case Function(_, None):
            return formula
        case Function(name, inner):
            assert inner is not None
            return Function(name, shifted(inner, by))
        case Slot(index, inner):
            return Slot(index + by, shifted(inner, by))
        case Sum(parts):
            return Sum(tuple(shifted(part, by) for part in parts))
        case Product(parts):
            return Product(tuple(shifted(part, by) for part in parts))
        case _:
            assert_never(formula)


class Launch(NamedTuple):
    """Members whose activations one kernel computes."""

    structures: tuple[Structure, ...]
    members: Tensor
    """Their indices."""


class Programs:
    """The programs of M members on a device."""

    def __init__(
        self,
        programs: Sequence[Program],
        device: torch.device | str,
        together: int = TOGETHER,
    ) -> None:
        """`together` is the number of structures that one kernel has."""
        found = sorted({one.structure for one in programs}, key=repr)
        numbers = [found.index(one.structure) for one in programs]
        self.launches: list[Launch] = []
        for first in range(0, len(found), together):
            own = [i for i, number in enumerate(numbers) if first <= number < first + together]
            structures = tuple(found[first : first + together])
            self.launches.append(Launch(structures, _integers(own, device)))
        self.numbers = _integers([number % together for number in numbers], device)
        self.slots = max(1, max(len(one.constants) for one in programs))
        self.constants = self._table(programs).to(device)

    def move(self, programs: Sequence[Program]) -> None:
        """Take other constants for the same structures."""
        self.constants.copy_(self._table(programs))

    def __call__(self, x: Tensor) -> Tensor:
        """f(x), each member its own f."""
        return value(self, x)

    def gated(self, x: Tensor, u: Tensor) -> Tensor:
        """f(x) u; both have one shape and dtype."""
        return gated_value(self, x, u)

    def run(self, name: LoopName, *inputs: Tensor) -> list[Tensor]:
        """What the loop writes; every tensor has the shape [M, ...] of the first.

        Raises:
            RuntimeError: a kernel cannot be made, which then is the members' failure alone.
        """
        read = [array.contiguous() for array in inputs]
        written = [torch.empty_like(read[0]) for _ in LOOPS[name].outputs]
        size = read[0].numel() // len(self.numbers)
        arrays = (*read, *written, self.constants, self.numbers)
        for launch in self.launches if size else ():
            try:
                grid = (-(-size // BLOCK), len(launch.members))
                launched = kernel(name, launch.structures)[grid]
                launched(*arrays, launch.members, size, self.slots, BLOCK=BLOCK, **OPTIONS)
            except (RuntimeError, MemoryError):
                raise
            except Exception as error:
                raise RuntimeError(f"Triton cannot compile an activation: {error}") from error
        return written

    def _table(self, programs: Sequence[Program]) -> Tensor:
        rows = [[*one.constants, *[0.0] * (self.slots - len(one.constants))] for one in programs]
        return torch.tensor(rows, dtype=torch.float32)


def _integers(values: Sequence[int], device: torch.device | str) -> Tensor:
    return torch.tensor(values, dtype=torch.int32, device=device)
