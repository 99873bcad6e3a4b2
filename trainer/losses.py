"""What a step minimises, and what it reports.

Shapes: B sequences, T positions, V vocabulary. Logits are float32.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.gpt import GPT, Cache
from trainer.capped_cross_entropy import capped_cross_entropy


class Losses(NamedTuple):
    """Scalars with gradient."""

    objective: Tensor
    """Smoothed, and drawn to the teachers, where that is asked for."""
    nats: Tensor
    """Plain cross-entropy, mean over tokens."""


def losses(
    logits_BTV: Tensor,
    targets_BT: Tensor,
    smoothing: float = 0.0,
    taught_BTV: Tensor | None = None,
    teacher_weight: float = 0.0,
) -> Losses:
    """`(1-w) CE + w KL(teachers || student)`; smoothing acts on the cross-entropy alone."""
    log_probs_NV = F.log_softmax(logits_BTV.flatten(0, 1), dim=-1)
    nats = F.nll_loss(log_probs_NV, targets_BT.flatten())
    objective = nats
    if smoothing:
        objective = (1 - smoothing) * nats - smoothing * log_probs_NV.mean()
    if taught_BTV is not None:
        divergence = F.kl_div(log_probs_NV, taught_BTV.flatten(0, 1), reduction="batchmean")
        objective = (1 - teacher_weight) * objective + teacher_weight * divergence
    return Losses(objective, nats)


def plain_loss(
    model: GPT, tokens_BT: Tensor, targets_BT: Tensor, past: Cache | None = None
) -> Losses:
    """The cross-entropy alone, by the shortest way; `past` moves on."""
    raw_NV = model.raw_logits(model.read(tokens_BT, past)).flatten(0, 1)
    if model.cap is None:
        nats = F.cross_entropy(raw_NV, targets_BT.flatten())
    else:
        nats = capped_cross_entropy(raw_NV, targets_BT.flatten(), model.cap)
    return Losses(nats, nats)


@torch.no_grad()
def mean_distribution(models: Sequence[GPT], tokens_BT: Tensor) -> Tensor:
    """Mean of the models' next-token distributions [B, T, V]; they are in evaluation mode."""
    assert models
    assert not any(model.training for model in models)
    total_BTV = F.softmax(models[0](tokens_BT), dim=-1)
    for model in models[1:]:
        total_BTV = total_BTV + F.softmax(model(tokens_BT), dim=-1)
    return total_BTV / len(models)
