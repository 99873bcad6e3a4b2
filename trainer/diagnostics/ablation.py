"""What each branch of each layer is worth: the loss with the branch set to nothing."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.gpt import GPT
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


def component_ablations(
    model: GPT, setup: WorkerSetup, batches: Batches
) -> dict[str, NDArray[np.float64]]:
    """By component, by window: the loss without it in any layer, less the loss with it.

    Nothing for a backbone without several components.
    """
    found: dict[str, list[nn.Module]] = {}
    for block in model.own_blocks():
        for name, module in block.components().items():
            found.setdefault(name, []).append(module)
    if not found:
        return {}
    whole = window_nats(model, setup, batches)
    extra = {}
    for name, modules in found.items():
        with ExitStack() as stack:
            for module in modules:
                stack.enter_context(silenced(module))
            extra[name] = window_nats(model, setup, batches) - whole
    return extra


def shares_of(extra: Mapping[str, float]) -> dict[str, float]:
    """What each component saves as a share of what they save together; one that does harm has 0."""
    saved = {name: max(0.0, value) for name, value in extra.items()}
    total = sum(saved.values())
    return {name: value / total if total else 0.0 for name, value in saved.items()}


def branches_of(model: GPT) -> list[tuple[int, str, nn.Module]]:
    """Layer, name and module of all that adds to the residual stream, or is fused before."""
    return [
        (layer, name, module)
        for layer, block in enumerate(model.own_blocks())
        for name, module in (block.mixing, *block.components().items(), ("feed-forward", block.ffn))
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
