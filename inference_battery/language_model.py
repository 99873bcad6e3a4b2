"""What the battery asks of a model and of a tokenizer.

Shape legend: B sequences, T positions, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

CacheT = TypeVar("CacheT")


class LanguageModel(Protocol[CacheT]):
    """A next-token model with a key-value cache, in evaluation mode.

    Feeding T tokens with `start` and one more with `advance` gives the logits that `start` would
    give for all T + 1. A cache belongs to the sequences it was made from and is used once.
    """

    @property
    def context_length(self) -> int:
        """Most tokens that one sequence may hold, at least 2."""

    def __call__(self, tokens_BT: Tensor) -> Tensor:
        """Logits (B, T, V) of the token after each; 1 <= T <= `context_length`."""

    def start(self, tokens_BT: Tensor) -> tuple[Tensor, CacheT]:
        """Logits (B, V) of the token after each sequence; 1 <= T <= `context_length`."""

    def advance(self, tokens_B: Tensor, cache: CacheT) -> tuple[Tensor, CacheT]:
        """Logits (B, V) of the token after `tokens_B`."""


class TextCodec(Protocol):
    """A tokenizer: `decode(encode(text)) == text` for every text."""

    @property
    def end_of_text_id(self) -> int:
        """The token that closes a document."""

    @property
    def vocab_size(self) -> int:
        """Ids are 0 to `vocab_size - 1`."""

    def encode(self, text: str) -> NDArray[np.integer] | Sequence[int]:
        """Token ids; markers such as `<|user|>` are single ids."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids; bytes that are not UTF-8 come out as U+FFFD."""
