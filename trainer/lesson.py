"""What teaches a student: the mean distribution of frozen models, read live or from a table.

Shapes: B windows, T positions, V vocabulary, N tokens of the train split.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from state.progress import SILENT, Reporter
from trainer.backbones.gpt import GPT
from trainer.data import Dataset
from trainer.losses import mean_distribution

WINDOWS_AT_ONCE = 16

Lesson: TypeAlias = Callable[[Tensor, NDArray[np.int64]], Tensor]
"""From inputs [B, T] and where they begin in the train split [B] to distributions [B, T, V]."""


def live(teachers: Sequence[GPT]) -> Lesson:
    """The teachers read every batch."""
    return lambda inputs_BT, _: mean_distribution(teachers, inputs_BT)


def from_table(table_NV: Tensor) -> Lesson:
    """The teachers have read the train split once."""

    def taught(inputs_BT: Tensor, starts_B: NDArray[np.int64]) -> Tensor:
        positions_BT = starts_B[:, None] + np.arange(inputs_BT.shape[1])
        return table_NV[torch.from_numpy(positions_BT)].to(inputs_BT.device).float()

    return taught


def read_table(teachers: Sequence[GPT], dataset: Dataset, progress: Reporter = SILENT) -> Tensor:
    """The mean distribution behind each token of the train split, [N, V] on the CPU in float16.

    Read in windows that tile the split, so that a token has the context of its place in its
    window: half a context on average, as in training. The last window ends with the split.
    """
    block, vocab_size = teachers[0].config.block, teachers[0].config.vocab_size
    tokens_N = torch.from_numpy(np.asarray(dataset.tokens("train")).astype(np.int64))
    num_tokens = len(tokens_N)
    starts = [*range(0, num_tokens - block, block), num_tokens - block]
    device = next(teachers[0].parameters()).device
    table_NV = torch.empty(num_tokens, vocab_size, dtype=torch.float16)
    with progress.work("reading what the teachers say", len(starts), "windows") as advance:
        for first in range(0, len(starts), WINDOWS_AT_ONCE):
            some = starts[first : first + WINDOWS_AT_ONCE]
            windows_BT = torch.stack([tokens_N[start : start + block] for start in some])
            read_BTV = mean_distribution(teachers, windows_BT.to(device)).half().cpu()
            for start, read_TV in zip(some, read_BTV, strict=True):
                table_NV[start : start + block] = read_TV
            advance(first + len(some))
    return table_NV


class Tables:
    """The last table that was read, kept for the tasks that go on with it."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._table_NV: Tensor | None = None

    def get(self, key: tuple[str, ...], read: Callable[[], Tensor]) -> Tensor:
        """The table named by `key`, which `read` makes if it is not at hand."""
        if self._table_NV is None or key != self._key:
            self._table_NV = None
            self._key, self._table_NV = key, read()
        return self._table_NV
