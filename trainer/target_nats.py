"""What a model says of given targets, without all its logits existing at once.

The head is read for a group of positions at a time: their logits stay in the cache, and memory
does not grow with the vocabulary times the batch.

Shapes: B windows, T positions, D model width, N positions of all windows, G positions of a group,
V vocabulary.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from trainer.backbones.gpt import GPT

ELEMENTS_AT_A_TIME = {"cpu": 2**17, "cuda": 2**26}
"""Logits of a group: half a megabyte for a cache, 256 megabytes for an accelerator."""
MAX_CAP = 40.0
"""With a larger one exp(-2 cap) leaves the normal numbers of float32."""


class Told(NamedTuple):
    """What is said of a group of positions."""

    nats: Tensor
    """Cross-entropy [G] of each target, float32; of no meaning where there is no target."""
    probs: Tensor
    """The distributions [G, V], if they were asked for; else multiples of them."""


def target_nats(model: GPT, x_BTD: Tensor, targets_BT: Tensor) -> Tensor:
    """Cross-entropy [B, T] of every target, from the normalised residual stream; of no meaning
    where there is no target. Call it without gradients: it works in place.
    """
    x_ND, targets_N = x_BTD.flatten(0, 1), targets_BT.flatten()
    nats = [told(model, x_ND[group], targets_N[group]).nats for group in groups(model, len(x_ND))]
    return torch.cat(nats).view(targets_BT.shape)


def groups(model: GPT, num_positions: int) -> Iterator[slice]:
    """Stretches of positions whose logits are read together; they depend on model and device."""
    elements = ELEMENTS_AT_A_TIME[model.embedding.weight.device.type]
    size = max(1, elements // model.config.vocab_size)
    return (slice(first, first + size) for first in range(0, num_positions, size))


def told(model: GPT, x_GD: Tensor, targets_G: Tensor, *, probs: bool = False) -> Told:
    """Nats of the targets of one group, and the whole distributions where `probs` asks for them."""
    logits_GV = bounded_above(model.raw_logits(x_GD), model.cap)
    hit_G = logits_GV.gather(1, targets_G.clamp(min=0)[:, None])[:, 0]
    weights_GV = logits_GV.exp_()
    total_G = weights_GV.sum(dim=1)
    return Told(total_G.log() - hit_G, weights_GV.div_(total_G[:, None]) if probs else weights_GV)


def bounded_above(raw_GV: Tensor, cap: float | None) -> Tensor:
    """The logits less what makes none of a position positive; the tensor given is used up.

    A capped one has its bound already: cap tanh(z / cap) - cap = -2 cap / (1 + exp(2 z / cap)),
    which costs an exponential where tanh costs several.
    """
    if cap is not None and cap <= MAX_CAP:
        return raw_GV.mul_(2 / cap).exp_().add_(1).reciprocal_().mul_(-2 * cap)
    logits_GV = raw_GV if cap is None else raw_GV.div_(cap).tanh_().mul_(cap)
    return logits_GV.sub_(logits_GV.amax(dim=1, keepdim=True))
