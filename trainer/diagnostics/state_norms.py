"""How large the states of recurrent components become while they read.

A sound state forgets as much as it takes in and settles; one that only adds up grows with the
length of the text, and what it says of the last token with it.

Shapes: N texts, L lengths, H heads, K and P by S a head's state.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.diagnostics.contexts import Ints, Report
from trainer.diagnostics.reaching import is_endless, read
from trainer.evaluation import evaluation_mode
from trainer.member import precision

STATE = "matrix"
"""Name of what a component remembers; its other tensors are the last few inputs."""


class StateReadings(NamedTuple):
    """One component of one layer."""

    layer: int
    component: str
    lengths: tuple[int, ...]
    rms: NDArray[np.float64]
    """Root mean square over the entries of all heads, [L, N]."""


def state_norms(
    model: GPT,
    setup: WorkerSetup,
    texts: Ints,
    lengths: Sequence[int],
    report: Report | None = None,
) -> list[StateReadings]:
    """The states behind the first `lengths` tokens, ascending, of texts [N, at least the longest];
    nothing of a model without states.

    Documents in the texts do not empty them: asked is how they take a text of that length.
    """
    device, block = model.embedding.weight.device, model.config.block
    tokens = torch.from_numpy(texts).to(device)
    past, found, start = model.empty_cache(len(tokens)), [], 0
    if not past.states():
        return []
    with evaluation_mode([model]), precision(setup):
        for index, length in enumerate(lengths):
            if report is not None:
                report(index, len(lengths))
            if not is_endless(model.config):
                # Beside attention, which takes a text in one piece.
                past, start = model.empty_cache(len(tokens)), 0
            for piece in torch.split(tokens[:, start:length], block, dim=1):
                read(model, piece, past, one_document=True)
            found.append(_sizes(past.states()))
            start = length
    return [
        StateReadings(
            layer, component, tuple(lengths), np.stack([at[layer, component] for at in found])
        )
        for layer, component in found[0]
    ]


def _sizes(states: dict[str, Tensor]) -> dict[tuple[int, str], NDArray[np.float64]]:
    """Root mean squares [N] by layer and component."""
    found = {}
    for name, state in states.items():
        layer, component, what = name.split(".")
        if what == STATE:
            rms = state.double().square().flatten(1).mean(dim=1).sqrt()
            found[int(layer), component] = rms.cpu().numpy()
    return found
