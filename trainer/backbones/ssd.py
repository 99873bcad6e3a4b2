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
from trainer.backbones.ssd_code import fits, within
from trainer.backbones.triton_kernels import kernel
from trainer.backbones.wkv6 import in_chunks, passed_on, segments

WINDOW = 128
"""Positions that compiled code reads at a time behind a state; measured, as `UNCUT` is."""
UNCUT = 256
"""Positions that it reads at most where there is no state."""
EMPTIED = -1000.0
"""Logarithm of the decay where a document begins."""


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


def ssd(given: SSDInputs, state_BHPS: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Outputs [B, T, H, P] and the state behind the last token. Without a state nothing came
    before, and what is behind is not asked for: it may be None.
    """
    B, T, H, P = given.x.shape
    compiled = fits(given.x)
    if state_BHPS is None:
        if compiled and T <= UNCUT:
            return within(given.x, log_decays(given).double().cumsum(dim=1), given.b, given.c), None
        state_BHPS = given.x.new_zeros(B, H, P, given.b.shape[2])
    if compiled:
        return ssd_windows(given, state_BHPS)
    if T == 1:
        return ssd_steps(given, state_BHPS)
    triton = kernel("ssd", given.x, given.fresh, ssd_by_chunks)
    if triton is not None:
        return triton(given[:4], state_BHPS)
    return ssd_chunks(given, state_BHPS, SSD_CHUNK)


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


def log_decays(given: SSDInputs) -> Tensor:
    """[B, T, H]; nothing is left where a document begins."""
    if given.fresh is None:
        return given.a
    return given.a.masked_fill(given.fresh[..., None], EMPTIED)


def ssd_windows(
    given: SSDInputs, state_BHPS: Tensor, window: int = WINDOW
) -> tuple[Tensor, Tensor]:
    """The same by compiled code, `window` positions at a time."""
    whole, outputs = (given.x, log_decays(given), given.b, given.c), []
    for first in range(0, given.x.shape[1], window):
        part = (one[:, first : first + window] for one in whole)
        y, state_BHPS = _window(state_BHPS, *part)
        outputs.append(y)
    return torch.cat(outputs, dim=1), state_BHPS


def _window(
    state_BHPS: Tensor, x: Tensor, a: Tensor, b: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Positions that come behind a state."""
    upto = a.double().cumsum(dim=1)
    early, late = (one.exp().to(x.dtype) for one in (upto, upto[:, -1:] - upto))
    brought = (c @ state_BHPS.flatten(1, 2).mT).view(x.shape)
    y = torch.addcmul(within(x, upto, b, c), brought, early[..., None])
    added = (x * late[..., None]).flatten(2).mT @ b
    keep = early[:, -1, :, None, None]
    return y, torch.addcmul(added.view(state_BHPS.shape), keep, state_BHPS)


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
