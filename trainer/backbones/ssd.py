"""The recurrence of Mamba-2: a matrix state a head, one decay for each head and token.

With the state M [P, S] of a head, M_t = exp(a_t) M_{t-1} + x_t' b_t and y_t = M_t c_t. In chunks
the weight of token i for token t >= i is exp of the sum of a between them, at most 1: products of c
and b, shared by the heads, times those weights.

Shapes: B sequences, T positions, H heads, P values of a head, S width of the state, N chunks, C
positions of a chunk.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from trainer.backbones.shapes import SSD_CHUNK
from trainer.backbones.triton_kernels import kernel
from trainer.backbones.wkv6 import in_chunks, passed_on, segments


class SSDInputs(NamedTuple):
    """What enters the recurrence, float32 or float64."""

    x: Tensor
    """[B, T, H, P], times its step."""
    a: Tensor
    """[B, T, H], the logarithm of the decay, at most 0, finite."""
    b: Tensor
    """[B, T, S], like `c`."""
    c: Tensor
    fresh: Tensor | None = None
    """[B, T], True where the state is emptied before the token."""


def ssd(given: SSDInputs, state_BHPS: Tensor, chunk: int = SSD_CHUNK) -> tuple[Tensor, Tensor]:
    """Outputs [B, T, H, P] and the state behind the last token."""
    if given.x.shape[1] == 1:
        return ssd_steps(given, state_BHPS)
    triton = kernel("ssd", given.x, given.fresh, ssd_by_chunks)
    if triton is not None:
        return triton(given[:4], state_BHPS)
    return ssd_chunks(given, state_BHPS, chunk)


def ssd_by_chunks(tensors: tuple[Tensor, ...], state_BHPS: Tensor) -> tuple[Tensor, Tensor]:
    """As a kernel is called: x, a, b, c and the state."""
    x, a, b, c = tensors
    return ssd_chunks(SSDInputs(x, a, b, c), state_BHPS, SSD_CHUNK)


def ssd_steps(given: SSDInputs, state_BHPS: Tensor) -> tuple[Tensor, Tensor]:
    """The definition, token by token."""
    x, a, b, c, fresh_BT = given
    outputs = []
    for t in range(x.shape[1]):
        if fresh_BT is not None:
            state_BHPS = state_BHPS.masked_fill(fresh_BT[:, t, None, None, None], 0.0)
        added_BHPS = x[:, t, :, :, None] * b[:, t, None, None, :]
        state_BHPS = a[:, t, :, None, None].exp() * state_BHPS + added_BHPS
        outputs.append((state_BHPS @ c[:, t, None, :, None]).squeeze(-1))
    return torch.stack(outputs, dim=1), state_BHPS


def ssd_chunks(given: SSDInputs, state_BHPS: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """The same in chunks of `chunk` positions."""
    B, T, H, P = given.x.shape
    chunk = min(chunk, T)
    x = in_chunks(given.x, chunk)
    upto = in_chunks(given.a[..., None], chunk).squeeze(-1).cumsum(dim=-1)
    b, c = (in_chunks(one[:, :, None], chunk) for one in (given.b, given.c))
    segment = segments(given.fresh, chunk)
    apart = upto[..., :, None] - upto[..., None, :]
    seen = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device).tril()
    if segment is not None:
        seen = seen & (segment[..., :, None] == segment[..., None, :])
    weights = (c @ b.mT) * apart.masked_fill(~seen, -torch.inf).exp()
    end = upto[..., -1:]
    late, early, keep = (end - upto).exp(), upto.exp(), end.exp()
    if segment is not None:
        late = late * (segment == segment[..., -1:])
        early = early * (segment == 0)
        keep = keep * (segment[..., -1:] == 0)
    added = (x * late[..., None]).mT @ b
    states, state_BHPS = passed_on(state_BHPS, keep[..., None], added)
    y = weights @ x + (c @ states.mT) * early[..., None]
    return y.transpose(2, 3).reshape(B, -1, H, P)[:, :T], state_BHPS
