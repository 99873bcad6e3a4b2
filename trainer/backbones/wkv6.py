"""The recurrence of RWKV-6: a matrix state a head, a decay for each key channel and token.

With the state S [K, V] before token t, y_t = r_t (S + diag(u) k_t' v_t) and then
S = diag(w_t) S + k_t' v_t.

In chunks: what token i adds to token t > i is weighted, channel by channel, by exp(d), d the sum of
log w between them. Positions are halved again and again: where i is in the left half and t in the
right half of a stretch, d falls into a part of i up to the middle and a part of t from the middle
on. Both are sums of logarithms and at most 0, so no exponential overflows, nothing is divided, and
every level is one product of matrices.

Shapes: B sequences, T positions, H heads, K keys and V values of a head, N chunks, C positions of a
chunk, P pairs of halves of L positions.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.shapes import WKV6_CHUNK
from trainer.backbones.triton_kernels import kernel
from trainer.backbones.wkv6_code import fits, wkv6_compiled


class WKV6Inputs(NamedTuple):
    """What enters the recurrence, float32 or float64."""

    r: Tensor
    """[B, T, H, K], like `k` and `log_w`."""
    k: Tensor
    v: Tensor
    """[B, T, H, V]."""
    log_w: Tensor
    """At most 0, finite."""
    u: Tensor
    """[H, K]."""
    fresh: Tensor | None = None
    """[B, T], True where the state is emptied before the token."""


def wkv6(given: WKV6Inputs, state_BHKV: Tensor, chunk: int = WKV6_CHUNK) -> tuple[Tensor, Tensor]:
    """Outputs [B, T, H, V] and the state behind the last token."""
    if given.r.shape[1] == 1:
        return wkv6_steps(given, state_BHKV)
    if fits(given.k, given.v):
        return wkv6_compiled(given[:5], given.fresh, state_BHKV)
    triton = kernel("wkv6", given.r, given.fresh, wkv6_by_chunks)
    if triton is not None:
        return triton(given[:5], state_BHKV)
    return wkv6_chunks(given, state_BHKV, chunk)


def wkv6_by_chunks(tensors: tuple[Tensor, ...], state_BHKV: Tensor) -> tuple[Tensor, Tensor]:
    """As a kernel is called: r, k, v, log w, u and the state."""
    r, k, v, log_w, u = tensors
    return wkv6_chunks(WKV6Inputs(r, k, v, log_w, u), state_BHKV, WKV6_CHUNK)


def wkv6_steps(given: WKV6Inputs, state_BHKV: Tensor) -> tuple[Tensor, Tensor]:
    """The definition, token by token."""
    r, k, v, log_w, u_HK, fresh_BT = given
    outputs = []
    for t in range(r.shape[1]):
        if fresh_BT is not None:
            state_BHKV = state_BHKV.masked_fill(fresh_BT[:, t, None, None, None], 0.0)
        added_BHKV = k[:, t, :, :, None] * v[:, t, :, None, :]
        read_BHKV = state_BHKV + u_HK[:, :, None] * added_BHKV
        outputs.append((r[:, t, :, None, :] @ read_BHKV).squeeze(-2))
        state_BHKV = log_w[:, t].exp()[..., None] * state_BHKV + added_BHKV
    return torch.stack(outputs, dim=1), state_BHKV


def wkv6_chunks(given: WKV6Inputs, state_BHKV: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """The same in chunks of `chunk` positions, a power of two."""
    B, T, H, V = given.v.shape
    chunk = min(chunk, 1 << (T - 1).bit_length())
    r, k, v, log_w = (in_chunks(x, chunk) for x in given[:4])
    segment = segments(given.fresh, chunk)
    upto = log_w.cumsum(dim=-2)
    before, end = upto - log_w, upto[..., -1:, :]
    y = ((r * k) * given.u[:, None]).sum(dim=-1, keepdim=True) * v
    half = 1
    while half < chunk:
        y = y + across(half, (r, k, v, upto, before), segment)
        half *= 2
    keys, queries = k * (end - upto).exp(), r * before.exp()
    keep = end.exp().squeeze(-2)
    if segment is not None:
        keys = keys * (segment == segment[..., -1:])[..., None]
        queries = queries * (segment == 0)[..., None]
        keep = keep * (segment[..., -1:] == 0)
    states, state_BHKV = passed_on(state_BHKV, keep[..., None], keys.mT @ v)
    y = y + queries @ states
    return y.transpose(2, 3).reshape(B, -1, H, V)[:, :T], state_BHKV


def across(half: int, given: tuple[Tensor, ...], segment: Tensor | None) -> Tensor:
    """What the left halves of stretches of 2 `half` positions add to their right halves."""
    *lead, chunk, _ = given[0].shape
    shape = (*lead, chunk // (2 * half), 2, half, -1)
    r, k, v, upto, before = (x.reshape(shape) for x in given)
    queries, keys, values = r[..., 1, :, :], k[..., 0, :, :], v[..., 0, :, :]
    if half > 1:
        middle = upto[..., 0, -1:, :]
        queries = queries * (before[..., 1, :, :] - middle).exp()
        keys = keys * (middle - upto[..., 0, :, :]).exp()
    if segment is not None:
        halves = segment.reshape(*segment.shape[:-1], *shape[-4:-1])
        middle = halves[..., 0, -1:]
        queries = queries * (halves[..., 1, :] == middle)[..., None]
        keys = keys * (halves[..., 0, :] == middle)[..., None]
    if half == 1:
        added = (queries * keys).sum(dim=-1, keepdim=True) * values
    else:
        added = (queries @ keys.mT) @ values
    pairs = F.pad(added.unsqueeze(-3), (0, 0, 0, 0, 1, 0))
    return pairs.reshape(*lead, chunk, values.shape[-1])


def in_chunks(x_BTHE: Tensor, chunk: int) -> Tensor:
    """[B, N, H, C, E]; positions that are missing are zero, which leaves the state as it is."""
    missing = -x_BTHE.shape[1] % chunk
    if missing:
        x_BTHE = F.pad(x_BTHE, (0, 0, 0, 0, 0, missing))
    B, _, H, E = x_BTHE.shape
    return x_BTHE.reshape(B, -1, chunk, H, E).transpose(2, 3).contiguous()


def segments(fresh_BT: Tensor | None, chunk: int) -> Tensor | None:
    """How many documents have begun in the chunk up to each position, [B, N, 1, C]."""
    if fresh_BT is None:
        return None
    padded = F.pad(fresh_BT.long(), (0, -fresh_BT.shape[1] % chunk))
    return padded.view(len(padded), -1, 1, chunk).cumsum(dim=-1)


def passed_on(state: Tensor, keep_N: Tensor, added_N: Tensor) -> tuple[Tensor, Tensor]:
    """The state before each chunk, stacked along axis 1, and the one behind the last."""
    states = []
    for keep, added in zip(keep_N.unbind(1), added_N.unbind(1), strict=True):
        states.append(state)
        state = torch.addcmul(added, keep, state)
    return torch.stack(states, dim=1), state
