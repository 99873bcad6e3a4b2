"""A bigram table that behaves like a cached language model, and a letter codec."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

ALPHABET = "\0abcdefghijklmnopqrstuvwxyz ABT.<|>_\n"


class LetterCodec:
    """Ids are positions in ALPHABET; id 0 is end-of-text."""

    end_of_text_id = 0
    vocab_size = len(ALPHABET)

    def encode(self, text: str) -> list[int]:
        return [ALPHABET.index(character) for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(ALPHABET[i] for i in ids)


class TableModel:
    """Logits of the next token from the last two; the cache is the sequence so far."""

    def __init__(self, table: Tensor, context_length: int = 64) -> None:
        self.table_VVV, self.context_length = table, context_length
        self.num_starts = self.num_advances = 0

    def start(self, tokens_BT: Tensor) -> tuple[Tensor, Tensor]:
        assert tokens_BT.shape[1] <= self.context_length
        self.num_starts += 1
        return self._logits(tokens_BT), tokens_BT

    def advance(self, tokens_B: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        self.num_advances += 1
        sequence_BT = torch.cat([cache, tokens_B[:, None]], dim=1)
        assert sequence_BT.shape[1] <= self.context_length
        return self._logits(sequence_BT), sequence_BT

    def _logits(self, tokens_BT: Tensor) -> Tensor:
        last = tokens_BT[:, -1]
        before = tokens_BT[:, -2] if tokens_BT.shape[1] > 1 else last
        return self.table_VVV[before, last]


@pytest.fixture
def codec() -> LetterCodec:
    return LetterCodec()


@pytest.fixture
def random_model() -> TableModel:
    size = len(ALPHABET)
    table = np.random.default_rng(3).normal(size=(size, size, size)) * 2
    return TableModel(torch.tensor(table, dtype=torch.float32))


@pytest.fixture
def silent_model() -> TableModel:
    """Closes every text at once."""
    size = len(ALPHABET)
    table = torch.zeros(size, size, size)
    table[:, :, 0] = 50
    return TableModel(table)
