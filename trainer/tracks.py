"""Reading a text in parallel tracks, so that states can be handed from one window to the next.

The stream is cut into windows, one behind the other, and the windows into tracks of equal length.
Every step reads the next window of each track. A stream opens with the end-of-text token, before
which a state is emptied, so a track may go on from the last window with the first.

Shapes: B tracks, T positions, W windows.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.records import Split
from state.seeds import generator
from state.tasks import BatchKey
from trainer.data import IGNORED, Dataset, Tokens
from trainer.tokenizer import CONTROL_IDS


def track_starts(
    dataset: Dataset, key: BatchKey, first_step: int, step: int, batch: int, block: int
) -> Tokens:
    """Where the windows of one step begin in the train split, [B]: a pure function.

    The tracks of a task, whose first step is `first_step`, begin at a window that is drawn.
    """
    windows = (dataset.manifest.splits["train"].tokens - 1) // block
    names = (key.purpose, key.lineage, key.generation, first_step)
    drawn = int(generator(key.seed, "tracks", *names).integers(windows))
    first_B = np.arange(batch) * windows // batch
    return (first_B + drawn + step - first_step) % windows * block


def windows_at(dataset: Dataset, starts: Tokens, block: int) -> tuple[Tokens, Tokens]:
    """Inputs and targets [B, T] of the train split."""
    tokens = np.asarray(dataset.tokens("train"))
    windows = tokens[starts[:, None] + np.arange(block + 1)].astype(np.int64)
    return windows[:, :-1], windows[:, 1:]


class TrackWindows(NamedTuple):
    """The next window of every track of a held-out split."""

    numbers: NDArray[np.int64]
    """[B], of the window in the split; those beyond the last one are padding."""
    inputs: Tokens
    """[B, T], padded with the pad token."""
    targets: Tokens
    """[B, T], IGNORED where padded."""
    num_bytes: NDArray[np.int64]
    """[B], that the targets stand for."""


def held_out_tracks(
    dataset: Dataset, split: Split, block: int, batch: int
) -> Iterator[TrackWindows]:
    """Every window of the split, in `batch` tracks; each token is a target exactly once."""
    tokens, lengths = np.asarray(dataset.tokens(split)), dataset.tokenizer.byte_lengths
    windows = dataset.num_windows(split, block)
    tracks = min(batch, windows)
    steps = ceil(windows / tracks)
    padded = np.full(tracks * steps * block + 1, -1, dtype=np.int64)
    padded[: len(tokens)] = tokens
    for step in range(steps):
        numbers = np.arange(tracks) * steps + step
        stretch = padded[numbers[:, None] * block + np.arange(block + 1)]
        absent = stretch[:, 1:] < 0
        targets = np.where(absent, IGNORED, stretch[:, 1:])
        inputs = np.where(absent, CONTROL_IDS["pad"], stretch[:, :-1])
        yield TrackWindows(
            numbers, inputs, targets, np.where(absent, 0, lengths[stretch[:, 1:]]).sum(axis=1)
        )
