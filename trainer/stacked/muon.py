"""Muon for a stack: the matrices of all members and layers in one iteration a size.

Shapes: M members, R rows, C columns, N matrices of one size.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from trainer.muon import MOMENTUM, Muon, orthogonalise
from trainer.stacked.storage import stacked_views


class StackedMuon:
    """The members' optimizers as one; their momentum lies side by side, each member's a view."""

    def __init__(self, members: Sequence[Muon], parameters: dict[str, Tensor]) -> None:
        """`parameters` [M, R, C] by name; those that Muon does not move are left out."""
        self.members = list(members)
        first = self.members[0]
        self.names = [name for name in first.parameters if name in parameters]
        self.parameters = [parameters[name] for name in self.names]
        self.parts = [first.parts[name] for name in self.names]
        self.momentum: list[Tensor] = []
        for name in self.names:
            together, views = stacked_views([member.momentum[name] for member in members])
            self.momentum.append(together)
            for member, view in zip(self.members, views, strict=True):
                member.momentum[name] = view

    @torch.no_grad()
    def step(self, learning_rates: Sequence[float]) -> None:
        """Apply the gradients [M, R, C] that the parameters hold, at each member's rate."""
        gradients = [parameter.grad for parameter in self.parameters]
        held = [gradient for gradient in gradients if gradient is not None]
        assert len(held) == len(gradients)
        torch._foreach_lerp_(self.momentum, held, 1 - MOMENTUM)
        updates = torch._foreach_lerp(held, self.momentum, MOMENTUM)
        directions = orthogonalised(updates, self.parts, self.members[0].dtype)
        rates_M11 = held[0].new_tensor(learning_rates)[:, None, None]
        kept_M11 = 1 - rates_M11 * self.members[0].weight_decay
        for parameter, direction in zip(self.parameters, directions, strict=True):
            parameter.mul_(kept_M11).addcmul_(direction, rates_M11, value=-1)


def orthogonalised(
    updates_MRC: Sequence[Tensor], parts: Sequence[int], dtype: torch.dtype
) -> list[Tensor]:
    """Directions [M, R, C] scaled as Muon's rates are; parameters may fuse several matrices."""
    matrices = [
        update.reshape(-1, update.shape[1] // n, update.shape[2])
        for update, n in zip(updates_MRC, parts, strict=True)
    ]
    lying = [one.mT if one.shape[1] > one.shape[2] else one for one in matrices]
    sizes: dict[torch.Size, list[int]] = {}
    for index, one in enumerate(lying):
        sizes.setdefault(one.shape[1:], []).append(index)
    found = list(matrices)
    for indices in sizes.values():
        together_NRC = torch.cat([lying[index] for index in indices])
        directions_NRC = orthogonalise(together_NRC.to(dtype)).to(together_NRC.dtype)
        ends = [0]
        for index in indices:
            ends.append(ends[-1] + len(lying[index]))
        for index, (start, end) in zip(indices, pairwise(ends), strict=True):
            rows, columns = matrices[index].shape[1:]
            own = directions_NRC[start:end]
            found[index] = own.mT * (rows / columns) ** 0.5 if rows > columns else own
    return [one.reshape(like.shape) for one, like in zip(found, updates_MRC, strict=True)]
