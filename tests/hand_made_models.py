"""Models of which it is known what they make of a text, as functions of tokens."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

VOCAB = 2000


def copier(texts: Tensor) -> Tensor:
    """Gives what followed the longest earlier match of the end of what it has read."""
    logits = torch.zeros(len(texts), VOCAB)
    for row, tokens in enumerate(texts.numpy()):
        last = len(tokens) - 1
        places = np.flatnonzero(tokens[:last] == tokens[last])
        back, best = 1, -1
        while len(places):
            best = places[-1]
            places = places[places >= back]
            places = places[tokens[places - back] == tokens[last - back]]
            back += 1
        if back > 1:
            logits[row, int(tokens[best + 1])] = 20.0
    return logits


def forgetful(texts: Tensor) -> Tensor:
    """Knows the last token alone."""
    return torch.nn.functional.one_hot(texts[:, -1], VOCAB).float()


def of_tails(last: Callable[[Tensor], Tensor]) -> Callable[[Tensor, int], Tensor]:
    """A model of whole texts as one of the last tokens of texts."""

    def tail(texts: Tensor, count: int) -> Tensor:
        ends = range(texts.shape[1] - count + 1, texts.shape[1] + 1)
        return torch.stack([last(texts[:, :end]) for end in ends], dim=1)

    return tail
