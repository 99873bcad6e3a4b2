"""A table that behaves like a cached language model, a letter codec, and people's text."""

import string
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from inference_battery.reference import Reference
from tests.inference_battery.corpora import corpus_reference

ALPHABET = "\0" + string.ascii_letters + " .,?'<|>_\n"


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

    def __call__(self, tokens_BT: Tensor) -> Tensor:
        assert tokens_BT.shape[1] <= self.context_length
        before_BT = torch.cat([tokens_BT[:, :1], tokens_BT[:, :-1]], dim=1)
        return self.table_VVV[before_BT, tokens_BT]

    def start(self, tokens_BT: Tensor) -> tuple[Tensor, Tensor]:
        self.num_starts += 1
        return self(tokens_BT)[:, -1], tokens_BT

    def advance(self, tokens_B: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        self.num_advances += 1
        sequence_BT = torch.cat([cache, tokens_B[:, None]], dim=1)
        return self(sequence_BT)[:, -1], sequence_BT


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


@pytest.fixture(scope="session")
def prose() -> Reference:
    return corpus_reference("text")


@pytest.fixture(scope="session")
def talk() -> Reference:
    return corpus_reference("chat")
