"""Which code computes attention.

Shapes: B sequences, T positions, S positions seen, H heads, E width of a head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.attention.compiled import attention, fits

_aloud = ContextVar("_aloud", default=False)


@contextmanager
def heard_by_torch() -> Iterator[None]:
    """Within it PyTorch's own function computes causal attention, which others may listen to."""
    token = _aloud.set(True)
    try:
        yield
    finally:
        _aloud.reset(token)


def attend(qk_BT2HE: Tensor, v_BTHE: Tensor) -> Tensor:
    """Causal attention [B, T, H, E].

    On a CPU in float32 always: PyTorch's kernel for bfloat16 is slower there, backward four times.
    """
    if qk_BT2HE.dtype == torch.bfloat16 and qk_BT2HE.is_cpu:
        with torch.autocast("cpu", enabled=False):
            return attend(qk_BT2HE.float(), v_BTHE.float()).bfloat16()
    if fits(qk_BT2HE) and not _aloud.get():
        return attention(qk_BT2HE, v_BTHE)
    q_BTHE, k_BTHE = qk_BT2HE.unbind(2)
    return attend_to(q_BTHE, k_BTHE.transpose(1, 2), v_BTHE.transpose(1, 2), 0)


def attend_to(q_BTHE: Tensor, k_BHSE: Tensor, v_BHSE: Tensor, start: int) -> Tensor:
    """Causal attention [B, T, H, E] of the queries from position `start` on to the keys so far."""
    q_BHTE, seen_TS = q_BTHE.transpose(1, 2), None
    if start and q_BHTE.shape[2] > 1:
        places = torch.arange(k_BHSE.shape[2], device=k_BHSE.device)
        seen_TS = places <= places[start:, None]
    y_BHTE = F.scaled_dot_product_attention(
        q_BHTE, k_BHSE, v_BHSE, attn_mask=seen_TS, is_causal=start == 0
    )
    return y_BHTE.transpose(1, 2)
