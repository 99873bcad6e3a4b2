"""What each branch of each layer is worth: the loss with the branch set to nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.gpt import GPT, Block
from trainer.config import WorkerSetup
from trainer.data import IGNORED
from trainer.diagnostics.contexts import Report
from trainer.diagnostics.layers import silenced
from trainer.evaluation import evaluation_mode
from trainer.member import precision

Batches = Sequence[tuple[Tensor, Tensor]]
"""Inputs and targets [B, T]."""


class Ablated(NamedTuple):
    """One branch."""

    layer: int
    branch: str
    extra_nats: NDArray[np.float64]
    """By window, the loss without the branch less the loss with it."""


def ablations(
    model: GPT, setup: WorkerSetup, batches: Batches, report: Report | None = None
) -> list[Ablated]:
    """Every branch of every layer, silenced alone."""
    branches = branches_of(model)
    whole = window_nats(model, setup, batches)
    found = []
    for index, (layer, name, module) in enumerate(branches):
        if report is not None:
            report(index, len(branches))
        with silenced(module):
            without = window_nats(model, setup, batches)
        found.append(Ablated(layer, name, without - whole))
    return found


def branches_of(model: GPT) -> list[tuple[int, str, nn.Module]]:
    """Layer, name and module of all that adds to the residual stream."""
    return [
        (layer, name, module)
        for layer, block in enumerate(model.blocks)
        if isinstance(block, Block)
        for name, module in (("attention", block.attention), ("feed-forward", block.ffn))
    ]


def window_nats(model: GPT, setup: WorkerSetup, batches: Batches) -> NDArray[np.float64]:
    """The loss of each window, summed over its targets."""
    device, found = model.embedding.weight.device, []
    with evaluation_mode([model]), precision(setup):
        for inputs_BT, targets_BT in batches:
            logits_BTV = model(inputs_BT.to(device))
            nats = F.cross_entropy(
                logits_BTV.flatten(0, 1),
                targets_BT.to(device).flatten(),
                ignore_index=IGNORED,
                reduction="none",
            )
            found.append(nats.view(targets_BT.shape).double().sum(dim=1).cpu())
    values: NDArray[np.float64] = torch.cat(found).numpy()
    return values
