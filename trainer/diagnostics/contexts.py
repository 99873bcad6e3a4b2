"""What a model gains from context: equal targets, read with more and more tokens before them.

Each context is a sequence of its own, so that a short one is not a long one with a mask, and every
length predicts the same tokens.

Shapes: B contexts, T positions, V vocabulary, L lengths, N targets.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.diagnostics.reaching import tail_logits

LastLogits: TypeAlias = Callable[[Tensor], Tensor]
"""Logits [B, V] of the token after each sequence [B, T]."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Report: TypeAlias = Callable[[int, int], None]
"""Told how many of how many parts are done."""

BATCH_TOKENS = 8192


class ContextReadings(NamedTuple):
    """Losses of the same tokens after contexts of each length."""

    lengths: tuple[int, ...]
    nats: Floats
    """[L, N]."""
    targets: Ints
    """[N]."""


class Influence(NamedTuple):
    """What another first token changes at the end of contexts of one length, each [N]."""

    length: int
    distance: Floats
    """Total variation between the two next-token distributions, in [0, 1]."""
    loss_change: Floats
    """Absolute, in nats, of the token that follows."""


def last_logits(model: GPT, setup: WorkerSetup) -> LastLogits:
    """The model as a function of sequences, on its device and in the run's precision."""
    tail = tail_logits(model, setup)
    return lambda tokens_BT: tail(tokens_BT, 1)[:, 0]


def doubling_lengths(block: int) -> tuple[int, ...]:
    """1, 2, 4, ... below the block, and the block."""
    lengths = [1]
    while 2 * lengths[-1] < block:
        lengths.append(2 * lengths[-1])
    return (*lengths, block) if block > 1 else (1,)


def reaching_lengths(block: int, longest: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to the `longest`, and the block among them."""
    return tuple(sorted({*doubling_lengths(longest), min(block, longest)}))


def target_places(num_tokens: int, block: int, count: int) -> Ints:
    """At most `count` places of the stream that have a whole block before them, evenly spread."""
    assert num_tokens > block, "no target has so much context"
    places = np.linspace(block, num_tokens - 1, min(count, num_tokens - block))
    return np.unique(places.round().astype(np.int64))


def context_losses(
    logits_of: LastLogits,
    stream: Ints,
    lengths: Sequence[int],
    places: Ints,
    report: Report | None = None,
) -> ContextReadings:
    """The loss of the tokens at `places` after the last `length` tokens before them."""
    targets = stream[places]
    nats = []
    for index, length in enumerate(lengths):
        if report is not None:
            report(index, len(lengths))
        parts = [_log_probs(logits_of, contexts) for contexts in batches(stream, places, length)]
        log_probs_NV = torch.cat(parts)
        nats.append(_nats(log_probs_NV, targets))
    return ContextReadings(tuple(lengths), np.stack(nats), targets)


def first_token_influence(
    logits_of: LastLogits,
    stream: Ints,
    length: int,
    places: Ints,
    rng: np.random.Generator,
) -> Influence:
    """How far another first token, drawn from the text, moves the prediction `length` tokens on."""
    targets = stream[places]
    distance, change = [], []
    start = 0
    for contexts in batches(stream, places, length):
        others = contexts.clone()
        drawn = rng.choice(stream, size=len(contexts))
        others[:, 0] = torch.from_numpy(drawn)
        found, moved = _log_probs(logits_of, contexts), _log_probs(logits_of, others)
        distance.append((found.exp() - moved.exp()).abs().sum(dim=-1).numpy() / 2)
        asked = targets[start : start + len(contexts)]
        change.append(np.abs(_nats(found, asked) - _nats(moved, asked)))
        start += len(contexts)
    return Influence(length, np.concatenate(distance), np.concatenate(change))


def batches(stream: Ints, places: Ints, length: int) -> Iterator[Tensor]:
    """The contexts [B, `length`] that end before each of the places."""
    size = max(1, BATCH_TOKENS // length)
    for first in range(0, len(places), size):
        ends = places[first : first + size]
        yield torch.from_numpy(stream[ends[:, None] + np.arange(-length, 0)])


def _log_probs(logits_of: LastLogits, contexts_BT: Tensor) -> Tensor:
    return F.log_softmax(logits_of(contexts_BT).double(), dim=-1).cpu()


def _nats(log_probs_NV: Tensor, targets_N: Ints) -> Floats:
    taken: Floats = -log_probs_NV.gather(1, torch.from_numpy(targets_N)[:, None])[:, 0].numpy()
    return taken
