"""Ranks that are threads of one process: what they compute, without what starts them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

from trainer.across import Across

Found = TypeVar("Found")
SECONDS = 20.0
"""A rank that does not come ends the test, not the patience of whoever waits for it."""


class Meeting:
    """Where threads leave what they have and see what the others left."""

    def __init__(self, size: int) -> None:
        self.size, self.left = size, [torch.empty(0)] * size
        self.barrier = Barrier(size, timeout=SECONDS)

    def mean(self, rank: int, own: Tensor) -> Tensor:
        self.left[rank] = own
        self.barrier.wait()
        mean = torch.stack(self.left).mean(dim=0)
        self.barrier.wait()
        return mean


class ThreadAcross(Across):
    def __init__(self, rank: int, meeting: Meeting) -> None:
        self.rank, self.size, self.meeting = rank, meeting.size, meeting

    def joined(self, told: tuple[Tensor, ...], gradients: Mapping[str, Tensor]) -> list[Tensor]:
        for gradient in gradients.values():
            gradient.copy_(self.meeting.mean(self.rank, gradient.clone()))
        return [self.meeting.mean(self.rank, one.detach()) for one in told]


def together(size: int, work: Callable[[Across], Found]) -> list[Found]:
    """What each of so many ranks finds."""
    meeting = Meeting(size)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda rank: work(ThreadAcross(rank, meeting)), range(size)))
