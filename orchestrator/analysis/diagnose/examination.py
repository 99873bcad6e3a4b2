"""One model under examination: how much is read for each measurement."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.analysis.diagnose.reach import REACH
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel
from trainer.diagnostics.contexts import LastLogits, last_logits, target_places
from trainer.diagnostics.reaching import TailLogits, is_endless, tail_logits

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
    reach: int = REACH

    @property
    def block(self) -> int:
        """Context length in tokens."""
        return self.model.config.block

    @property
    def endless(self) -> bool:
        """Whether it can read beyond its block."""
        return is_endless(self.model.config)

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

    @cached_property
    def tail_of(self) -> TailLogits:
        """The model as a function of texts that it takes for one document."""
        return tail_logits(self.model, self.opened.setup, one_document=True)

    def longest(self, wanted: int) -> int:
        """Of the lengths that can be read: the block, or `wanted` where that is more and there is
        no end to what can be read. No more than the split has.
        """
        most = max(self.block, wanted) if self.endless else self.block
        return min(most, max(self.block, len(self.stream) // 2))

    def reach_of(self, longest: int, more: str = "") -> str:
        """Why no text is longer than `longest`, as half a sentence; `more` is its end."""
        if not self.endless:
            whose = "attention" if self.model.config.backbone == "gpt" else "a layer with attention"
            return f"{whose} reads no more than the block of {self.block:,} tokens"
        handed = f"states are handed on beyond the block of {self.block:,} tokens"
        if longest == len(self.stream) // 2:
            return f"{handed}, up to half of the search text"
        return f"{handed}, up to {longest:,}{more}"

    def amount(self, most: int) -> int:
        """As much, or a quarter."""
        return max(1, most // QUICK) if self.quick else most

    def places(
        self, tokens: int, cost: int, most: int, longest: int | None = None
    ) -> NDArray[np.int64]:
        """Where contexts end: as many as `tokens` pay for at `cost` each, at most `most`; each has
        `longest` tokens before it, or a block.
        """
        count = min(self.amount(most), max(MIN_CONTEXTS, self.amount(tokens) // cost))
        return target_places(len(self.stream), longest or self.block, count)

    def reporter(self, what: str) -> Callable[[int, int], None]:
        """Says how far a measurement has come."""
        return lambda done, total: self.progress.show(what, done, total)
