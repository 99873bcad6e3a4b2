"""One model under examination: how much is read for each measurement."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel
from trainer.diagnostics.contexts import LastLogits, last_logits, target_places

if TYPE_CHECKING:
    from trainer.backbones.gpt import GPT

QUICK = 4
"""By what `--quick` divides every amount."""
MIN_CONTEXTS = 32


@dataclass(frozen=True)
class Examination:
    """The model and what belongs to it."""

    opened: OpenedModel
    model: "GPT"
    quick: bool
    progress: Progress

    @property
    def block(self) -> int:
        """Context length in tokens."""
        return self.model.config.block

    @cached_property
    def stream(self) -> NDArray[np.int64]:
        """The search split's tokens."""
        return np.asarray(self.opened.dataset.tokens("search")).astype(np.int64)

    @cached_property
    def byte_lengths(self) -> NDArray[np.int64]:
        """Of each token of the vocabulary."""
        return self.opened.dataset.tokenizer.byte_lengths

    @cached_property
    def logits_of(self) -> LastLogits:
        """The model as a function of contexts."""
        return last_logits(self.model, self.opened.setup)

    def amount(self, most: int) -> int:
        """As much, or a quarter."""
        return max(1, most // QUICK) if self.quick else most

    def places(self, tokens: int, cost: int, most: int) -> NDArray[np.int64]:
        """Where contexts end: as many as `tokens` pay for at `cost` each, at most `most`."""
        count = min(self.amount(most), max(MIN_CONTEXTS, self.amount(tokens) // cost))
        return target_places(len(self.stream), self.block, count)

    def reporter(self, what: str) -> Callable[[int, int], None]:
        """Says how far a measurement has come."""
        return lambda done, total: self.progress.show(what, done, total)
