"""An export is checked where it is made: the files on disk against the run's own model.

Shapes: B windows, T positions, V vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from orchestrator.opened_model import OpenedModel
from state.tasks import Teacher
from trainer.execution import TaskExecutor
from trainer.export import Difference, difference
from trainer.export.comparison import TOLERANCE, encoder_of, reader_of

if TYPE_CHECKING:
    from trainer.data import Dataset

MAX_TOKENS = 4_096
MAX_LOGITS = 2**24
"""Of one model on all the tokens: 64 MiB in float32."""
MAX_CHARACTERS = 20_000
"""Of held-out text that both tokenizers are given."""


class Sample:
    """Held-out tokens and text, and what the run's own model and tokenizer make of them.

    The search split: the test split is opened for the final report alone.
    """

    def __init__(self, opened: OpenedModel) -> None:
        dataset = opened.dataset
        model = opened.saved.config.model
        self.tokens = held_out_tokens(dataset, model.block, model.vocab_size)
        self.text = dataset.text("search")[:MAX_CHARACTERS]
        self.ids = [int(token) for token in dataset.tokenizer.encode(self.text)]
        self.logits = _logits(opened, self.tokens)


def held_out_tokens(dataset: "Dataset", block: int, vocab_size: int) -> Tensor:
    """Whole windows [B, T] of the search split, as many as are quickly compared; at least one."""
    most = max(1, min(MAX_TOKENS, MAX_LOGITS // vocab_size) // block)
    whole = max(1, (dataset.manifest.splits["search"].tokens - 1) // block)
    windows = next(dataset.windows("search", block, min(most, whole)))
    return torch.from_numpy(windows.inputs)


def check_folder(folder: Path, sample: Sample) -> Difference:
    """Read the folder without anything of ours and compare.

    Raises:
        RuntimeError: it is not the same model, or not the same tokenizer.
    """
    with torch.no_grad():
        found = difference(sample.logits, reader_of(folder)(sample.tokens))
    require_same(found, encoder_of(folder)(sample.text), sample.ids)
    return found


def require_same(found: Difference, ids: Sequence[int], expected: Sequence[int]) -> None:
    """Refuse an export that is not the run's model.

    Raises:
        RuntimeError: saying by how much it differs.
    """
    if not found.is_small:
        raise RuntimeError(
            f"the exported model is not the run's: {said(found)}, and {TOLERANCE:g} are allowed; "
            "nothing was written"
        )
    if list(ids) != list(expected):
        raise RuntimeError(
            "the exported tokenizer is not the run's: held-out text becomes other tokens; "
            "nothing was written"
        )


def said(found: Difference) -> str:
    """The difference in words."""
    return (
        f"logits differ by at most {found.absolute:.2g} (relative {found.relative:.1g}) "
        f"on {found.tokens:,} held-out tokens"
    )


def _logits(opened: OpenedModel, tokens: Tensor) -> Tensor:
    """Of the best model [B, T, V], on the processor, where the exported one is read too."""
    setup = opened.setup.model_copy(update={"device": "cpu"})
    best = Teacher(checkpoint=opened.best.checkpoint, genome=opened.best.genome)
    torch.set_num_threads(opened.saved.config.engine.host_threads or 1)
    with torch.no_grad():
        logits: Tensor = TaskExecutor(setup).model(best)(tokens)
    return logits
