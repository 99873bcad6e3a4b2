"""Counting what PyTorch multiplies, attention included."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@contextmanager
def counted_in_pytorch() -> Iterator[FlopCounterMode]:
    """A counter; compiled code, which it cannot see, gives way to plain products."""
    eager = patch("trainer.backbones.attention.attend.fits", return_value=False)
    chunks = patch("trainer.backbones.wkv6.fits", return_value=False)
    with eager, chunks, FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        yield counter
