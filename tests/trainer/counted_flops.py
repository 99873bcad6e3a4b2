"""Counting what PyTorch multiplies, attention included."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@contextmanager
def counted_in_pytorch() -> Iterator[FlopCounterMode]:
    """A counter; compiled code, which it cannot see, gives way to plain products."""
    with ExitStack() as stack:
        for module in ("attention.attend", "wkv6", "ssd"):
            stack.enter_context(patch(f"trainer.backbones.{module}.fits", return_value=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        yield stack.enter_context(FlopCounterMode(display=False))
