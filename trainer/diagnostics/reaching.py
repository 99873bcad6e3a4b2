"""Reading texts that are longer than the block: attention cannot, states that are handed on can.

Shapes: B texts, T positions, K last positions, D model width, V vocabulary.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from trainer.backbones.gpt import GPT, Cache
from trainer.config import ModelConfig, WorkerSetup
from trainer.evaluation import evaluation_mode
from trainer.member import precision
from trainer.shortage import out_of_memory

TailLogits: TypeAlias = Callable[[Tensor, int], Tensor]
"""Logits [B, K, V] of the tokens that follow each of the last K positions of texts [B, T]."""


def is_endless(config: ModelConfig) -> bool:
    """Whether every layer has a state in place of attention, so that no context is too long."""
    return not any(map(config.has_attention, range(config.layers)))


def tail_logits(model: GPT, setup: WorkerSetup, *, one_document: bool = False) -> TailLogits:
    """The model as a function of texts, on its device and in the run's precision.

    A model that is trained with states handed on empties them where a document begins, unless the
    text is to be read as `one_document`.
    """
    device = model.embedding.weight.device

    def logits(tokens_BT: Tensor, count: int) -> Tensor:
        with evaluation_mode([model]), precision(setup):
            behind_BKD = tail(model, tokens_BT.to(device), count, one_document=one_document)
            return model.logits(behind_BKD).float()

    return logits


def tail(model: GPT, tokens_BT: Tensor, count: int, *, one_document: bool) -> Tensor:
    """The normalised stream [B, K, D] at the last `count` positions.

    Raises:
        ValueError: the text is longer than the block, and the model has attention.
    """
    block = model.config.block
    if tokens_BT.shape[1] <= block or not is_endless(model.config):
        return read(model, tokens_BT, None, one_document=one_document)[:, -count:]
    past = model.empty_cache(len(tokens_BT))
    behind_BKD = model.embedding.weight.new_zeros(len(tokens_BT), 0, model.config.dim)
    for piece_BT in torch.split(tokens_BT, block, dim=1):
        x_BTD = read(model, piece_BT, past, one_document=one_document)
        behind_BKD = torch.cat([behind_BKD, x_BTD[:, -count:]], dim=1)[:, -count:]
    return behind_BKD


def read(model: GPT, tokens_BT: Tensor, past: Cache | None, *, one_document: bool) -> Tensor:
    """The normalised stream [B, T, D] of at most a block of tokens; states in `past` move on."""
    fresh_BT = None
    if one_document and model.config.stateful:
        fresh_BT = torch.zeros_like(tokens_BT, dtype=torch.bool)
    return model.read(tokens_BT, past, fresh_BT)


def in_parts(ask: Callable[[Tensor], Tensor], batch: Tensor, rows: int) -> Tensor:
    """`ask` of the batch, `rows` rows at a time, and of half as many wherever memory is short.

    Raises:
        MemoryError: there is too little even for a single row.
    """
    while True:
        try:
            return torch.cat([ask(part) for part in torch.split(batch, rows)])
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if rows == 1:
                raise MemoryError(f"{batch.shape[1]:,} tokens do not fit into memory") from error
            rows = max(1, min(rows, len(batch)) // 2)
