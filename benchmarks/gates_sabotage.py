"""Making a run sick in one place: each fault is in the code that trains, never in a record."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import count
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from orchestrator import preparation
from orchestrator.config import RunConfig
from orchestrator.resolve import resolve_data
from trainer import member
from trainer.backbones.gpt import GPT
from trainer.backbones.mamba2 import Mamba2, Mamba2State
from trainer.backbones.rwkv6 import RWKV6, RWKV6State
from trainer.losses import Losses, plain_loss
from trainer.manifest import DatasetManifest

Sabotage = Callable[[], AbstractContextManager[object]]

GROWTH = 1.04
FOREIGN_TOKENS = 40


def nan() -> AbstractContextManager[object]:
    """A weight of the new model is not finite."""
    initialise = GPT.initialise

    def broken(model: GPT, seed: int) -> None:
        initialise(model, seed)
        with torch.no_grad():
            model.embedding.weight[40, 1] = float("nan")

    return patch.object(GPT, "initialise", broken)


def dead() -> AbstractContextManager[object]:
    """Mamba-2 adds nothing, and learns nothing."""
    forward = Mamba2.forward

    def silent(part: Mamba2, *given: Any) -> tuple[Tensor, Mamba2State | None]:  # noqa: ANN401
        added, state = forward(part, *given)
        return 0.0 * added, state

    return patch.object(Mamba2, "forward", silent)


def frozen() -> AbstractContextManager[object]:
    """RWKV-6 hands on the state that it was given."""
    forward = RWKV6.forward

    def still(part: RWKV6, x: Tensor, state: RWKV6State, *given: Any) -> tuple[Tensor, RWKV6State]:  # noqa: ANN401
        added, _ = forward(part, x, state, *given)
        return added, state

    return patch.object(RWKV6, "forward", still)


def exploding() -> AbstractContextManager[object]:
    """The objective grows by 4 % a step."""
    steps = count()

    def scaled(*given: Any) -> Losses:  # noqa: ANN401
        found = plain_loss(*given)
        return found._replace(objective=found.objective * GROWTH ** next(steps))

    return patch.object(member, "plain_loss", scaled)


def vocabulary() -> AbstractContextManager[object]:
    """The model has tokens that the text has not."""

    def wider(config: RunConfig, manifest: DatasetManifest) -> RunConfig:
        resolved = resolve_data(config, manifest)
        size = resolved.model.vocab_size + FOREIGN_TOKENS
        model = resolved.model.model_copy(update={"vocab_size": size})
        return resolved.model_copy(update={"model": model})

    return patch.object(preparation, "resolve_data", wider)


SABOTAGES: Mapping[str, Sabotage] = {
    "nan": nan,
    "dead": dead,
    "frozen": frozen,
    "exploding": exploding,
    "vocabulary": vocabulary,
}
"""By name. What diverges is healthy code on too little text."""
