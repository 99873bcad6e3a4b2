"""Losses of the search split by equal stretches of its bytes: pairs for any two tokenizers.

The test split stays closed: it is opened once, by the run's own report.
"""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.analysis.bootstrap import MAX_STRETCHES
from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.pairing import Blocks
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import open_model


def measured(runs: Sequence[RunFacts], progress: Progress) -> dict[str, Blocks] | None:
    """(nats, bytes) of each run's best model by its name; None where the texts differ.

    Raises:
        ValueError: a run has kept no model, or its text is damaged.
    """
    if len({run.text_sha256("search") for run in runs}) > 1:
        return None
    found: dict[str, Blocks] = {}
    for index, run in enumerate(runs):
        progress.show(f"measuring {run.name}", index, len(runs))
        found[run.name] = byte_blocks(Path(run.folder))
    progress.clear()
    return found


def byte_blocks(run: Path) -> Blocks:
    """The best model's loss on the search split, in stretches of equal bytes."""
    import numpy as np

    opened = open_model(run)
    from trainer.diagnostics.token_losses import read_split

    with opened.model() as model:
        read = read_split(model, opened.dataset, "search", opened.setup)
    total = int(read.num_bytes.sum())
    ends = np.linspace(0, total, min(MAX_STRETCHES, total) + 1).astype(np.int64)
    reached = np.concatenate([[0], np.cumsum(read.num_bytes)])
    # A token that a border falls into is shared out by its bytes.
    nats = np.diff(np.interp(ends, reached, np.concatenate([[0.0], np.cumsum(read.nats)])))
    return list(zip(nats.tolist(), np.diff(ends).tolist(), strict=True))
