"""What a host is taught: the mean distribution of its teachers, read live or from a table.

Shapes: B windows, T positions, V vocabulary, N tokens of the train split.
"""

from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from benchmarks.study.specs import Lesson, Spec
from trainer.backbones.gpt import GPT
from trainer.data import Dataset

READ_AT_ONCE = 16


class Teaching:
    """The distribution that teaches each position of a batch."""

    def __init__(self, lesson: Lesson, models: Sequence[GPT], dataset: Dataset) -> None:
        self.lesson, self.models = lesson, models
        self.table_NV: Tensor | None = None
        if lesson.source == "table":
            tokens = np.asarray(dataset.tokens("train")).astype(np.int64)
            self.table_NV = self.read(torch.from_numpy(tokens))

    def taught(self, inputs_BT: Tensor, starts_B: NDArray[np.int64]) -> Tensor:
        """The teachers' mean distribution at the lesson's temperature, [B, T, V]."""
        if self.table_NV is None:
            return self.distribution(inputs_BT)
        positions = starts_B[:, None] + np.arange(inputs_BT.shape[1])
        return self.table_NV[torch.from_numpy(positions)].float()

    @torch.no_grad()
    def distribution(self, inputs_BT: Tensor) -> Tensor:
        """Read by every teacher now."""
        logits = [model(inputs_BT) / self.lesson.temperature for model in self.models]
        return torch.stack([F.softmax(one, dim=-1) for one in logits]).mean(dim=0)

    def read(self, tokens_N: Tensor) -> Tensor:
        """The distribution behind each token of the train split, [N, V] in float16.

        With overlap every position is read with at least half a block before it.
        """
        block = self.models[0].context_length
        table_NV = torch.empty(len(tokens_N), self.models[0].config.vocab_size, dtype=torch.float16)
        for starts in batched(list(window_starts(len(tokens_N), block, self.lesson.overlap))):
            windows_BT = torch.stack([tokens_N[start : start + block] for start in starts])
            for start, read_TV in zip(starts, self.distribution(windows_BT), strict=True):
                new = block // 2 if self.lesson.overlap and start else 0
                table_NV[start + new : start + block] = read_TV[new:].half()
        return table_NV


def window_starts(num_tokens: int, block: int, overlap: bool) -> Iterator[int]:
    """Windows that cover the stream; the last one ends with it."""
    step = block // 2 if overlap else block
    yield from range(0, num_tokens - block, step)
    yield num_tokens - block


def batched(starts: list[int]) -> Iterator[list[int]]:
    """Windows that are read together."""
    for first in range(0, len(starts), READ_AT_ONCE):
        yield starts[first : first + READ_AT_ONCE]


def lesson_cost(spec: Spec, num_tokens: int) -> int:
    """Member-steps that the teachers of `spec` cost: a forward pass is a third of a step."""
    lesson = spec.lesson
    if lesson is None:
        return 0
    if lesson.source == "live":
        return ceil(spec.steps * len(lesson.teachers) / 3)
    passes = 2 if lesson.overlap else 1
    return ceil(
        passes * num_tokens * len(lesson.teachers) / (3 * spec.shape.batch * spec.shape.block)
    )
