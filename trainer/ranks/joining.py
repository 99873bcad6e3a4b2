"""Means over processes, by torch's collectives."""

from collections.abc import Mapping
from datetime import timedelta

import torch
from torch import Tensor, distributed

from trainer.across import Across

PATIENCE = timedelta(minutes=10)
"""For the slowest process to come to where the others are."""


class Joined(Across):
    """This process among the others of its group."""

    def __init__(self, rank: int, size: int, *, ordered: bool) -> None:
        """`ordered`: sums are taken in the order of the ranks, whatever the collective does."""
        self.rank, self.size, self.ordered = rank, size, ordered

    def joined(self, told: tuple[Tensor, ...], gradients: Mapping[str, Tensor]) -> list[Tensor]:
        """See `Across.joined`. One collective for all: every process ends with the same bits."""
        tensors = [*(one.detach().float() for one in told), *gradients.values()]
        mean = self.mean(torch.cat([one.flatten() for one in tensors]))
        parts = torch.split(mean, [one.numel() for one in tensors])
        shaped = [part.view(one.shape) for part, one in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(list(gradients.values()), shaped[len(told) :])
        return shaped[: len(told)]

    def mean(self, own: Tensor) -> Tensor:
        """Over the processes, element by element."""
        if not self.ordered:
            distributed.all_reduce(own)
            return own.div_(self.size)
        each = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(each, own)
        total = each[0]
        for one in each[1:]:
            total += one
        return total.div_(self.size)

    def require_same(self, count: int) -> None:
        """Raises RuntimeError where another process has another number."""
        each: list[int | None] = [None] * self.size
        distributed.all_gather_object(each, count)
        if len(set(each)) > 1:
            raise RuntimeError(f"the processes of a host stand at the steps {each}, not at one")


def join(rendezvous: str, rank: int, size: int, device: str, *, ordered: bool) -> Joined:
    """Find the other processes; this one's device is the only one that it sees."""
    distributed.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=size,
        timeout=PATIENCE,
    )
    return Joined(rank, size, ordered=ordered)
