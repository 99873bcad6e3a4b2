"""One pass over a split: what the model made of each token.

Shapes: B windows, T positions, V vocabulary, N tokens of the split in its order.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from state.records import Split
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.data import IGNORED, Dataset
from trainer.evaluation import evaluation_mode
from trainer.member import precision

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TokenReadings(NamedTuple):
    """Of every token but the leading marker, each [N]."""

    tokens: Ints
    num_bytes: Ints
    positions: Ints
    """Tokens of context that the model had, less one."""
    windows: Ints
    nats: Floats
    entropy: Floats
    """Nats, of the distribution that the token was drawn from in the model's eyes."""
    confidence: Floats
    """Probability of the most likely token."""
    guesses: Ints
    """The most likely token."""


def read_split(
    model: GPT,
    dataset: Dataset,
    split: Split,
    setup: WorkerSetup,
    max_windows: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TokenReadings:
    """The whole split in windows that do not overlap, as an evaluation reads it, or `max_windows`
    of them, evenly spread.
    """
    block, batch = model.config.block, setup.optimizer.batch
    device = model.embedding.weight.device
    lengths = dataset.tokenizer.byte_lengths
    count = dataset.num_windows(split, block)
    chosen = spread(count, max_windows or count)
    stream = np.asarray(dataset.tokens(split))
    parts: list[TokenReadings] = []
    with evaluation_mode([model]), precision(setup):
        for first in range(0, len(chosen), batch):
            if progress is not None:
                progress(first, len(chosen))
            indices = chosen[first : first + batch]
            inputs, targets = windows(stream, indices, block)
            logits = model(torch.from_numpy(inputs).to(device))
            parts.append(readings(logits, targets, indices, lengths))
    return TokenReadings(*map(np.concatenate, zip(*parts, strict=True)))


def spread(count: int, most: int) -> Ints:
    """At most `most` of `count` indices, evenly spread, each once."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def windows(stream: NDArray[np.integer], indices: Ints, block: int) -> tuple[Ints, Ints]:
    """Inputs and targets [B, T] of the windows with these numbers; what lies beyond the end of the
    stream is padded with 0 and IGNORED.
    """
    places = indices[:, None] * block + np.arange(block + 1)
    inside = places < len(stream)
    taken = np.where(inside, stream[np.minimum(places, len(stream) - 1)].astype(np.int64), 0)
    targets = np.where(inside[:, 1:], taken[:, 1:], IGNORED)
    return np.ascontiguousarray(taken[:, :-1]), targets


def readings(
    logits_BTV: Tensor, targets_BT: Ints, indices_B: Ints, byte_lengths_V: Ints
) -> TokenReadings:
    """Of the positions that have a target."""
    log_probs_BTV = F.log_softmax(logits_BTV.float(), dim=-1)
    known = targets_BT != IGNORED
    targets = torch.from_numpy(np.where(known, targets_BT, 0)).to(logits_BTV.device)
    peak_BT, guess_BT = log_probs_BTV.max(dim=-1)
    entropy_BT = -(log_probs_BTV.exp() * log_probs_BTV).sum(dim=-1)
    nats_BT = -log_probs_BTV.gather(-1, targets[..., None])[..., 0]
    row, position = np.nonzero(known)
    tokens = targets_BT[known]
    return TokenReadings(
        tokens=tokens,
        num_bytes=byte_lengths_V[tokens],
        positions=position.astype(np.int64),
        windows=indices_B[row],
        nats=_taken(nats_BT, known),
        entropy=_taken(entropy_BT, known),
        confidence=_taken(peak_BT.exp(), known),
        guesses=guess_BT.cpu().numpy()[known].astype(np.int64),
    )


def _taken(values_BT: Tensor, known: NDArray[np.bool_]) -> Floats:
    taken: Floats = values_BT.double().cpu().numpy()[known]
    return taken
