"""Sharing a loop between the threads that torch may use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch


def in_parts(work: Callable[[int, int], None], count: int, at_least: int) -> None:
    """Call `work(first, how_many)` for stretches that make up 0 to `count`, one a thread but none
    below `at_least`.

    Elements do not know of each other, so the parts are no matter of bits.
    """
    threads = min(torch.get_num_threads(), count // at_least)
    if threads <= 1:
        work(0, count)
        return
    size = -(-count // threads)
    others = [
        pool().submit(work, first, min(size, count - first)) for first in range(size, count, size)
    ]
    work(0, size)
    for other in others:
        other.result()


@cache
def pool() -> ThreadPoolExecutor:
    """Threads that are made when they are first needed and then kept."""
    return ThreadPoolExecutor(thread_name_prefix="activation")
