"""Measuring models over a whole split: deterministic, without dropout, summed in float64.

Shapes: B windows, T positions, V vocabulary, M models.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from state.progress import SILENT, Reporter
from state.records import Evaluation, Split
from trainer.backbones.gpt import GPT
from trainer.data import IGNORED, Dataset

MAX_BLOCKS = 64


def evaluate(
    model: GPT, dataset: Dataset, split: Split, batch: int, progress: Reporter = SILENT
) -> Evaluation:
    """The loss on every window of the split, `batch` windows at a time.

    `batch` changes the result by rounding only.
    """
    tally = Tally(split)
    with evaluation_mode([model]):
        windows = device_windows(model, dataset, split, batch, progress)
        for inputs_BT, targets_BT, num_bytes in windows:
            log_probs_BTV = F.log_softmax(model(inputs_BT), dim=-1)
            tally.add(log_probs_BTV, targets_BT, num_bytes)
    return tally.evaluation()


def evaluate_ensemble(
    models: Sequence[GPT],
    dataset: Dataset,
    split: Split,
    batch: int = 8,
    progress: Reporter = SILENT,
) -> tuple[Evaluation, tuple[Evaluation, ...], float]:
    """The mean distribution's loss, each model's own, and how much the models disagree.

    Disagreement is the total variation distance, mean over pairs and tokens, in [0, 1]; it is 0
    for a single model.
    """
    tallies = [Tally(split) for _ in models]
    ensemble, variation = Tally(split), 0.0
    with evaluation_mode(models):
        windows = device_windows(models[0], dataset, split, batch, progress)
        for inputs_BT, targets_BT, num_bytes in windows:
            log_probs_MBTV = torch.stack([F.log_softmax(m(inputs_BT), dim=-1) for m in models])
            for tally, log_probs_BTV in zip(tallies, log_probs_MBTV, strict=True):
                tally.add(log_probs_BTV, targets_BT, num_bytes)
            probs_MBTV = log_probs_MBTV.exp()
            ensemble.add(probs_MBTV.mean(dim=0).log(), targets_BT, num_bytes)
            variation += total_variation(probs_MBTV, targets_BT != IGNORED)
    result = ensemble.evaluation()
    return result, tuple(t.evaluation() for t in tallies), min(1.0, variation / result.tokens)


class Tally:
    """Sums of one model over the windows of a split."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.tokens = 0
        self.nats: list[NDArray[np.float64]] = []
        self.num_bytes: list[NDArray[np.int64]] = []

    def add(self, log_probs_BTV: Tensor, targets_BT: Tensor, num_bytes: NDArray[np.int64]) -> None:
        """Count a batch of windows; positions without a target count nothing."""
        nats_N = F.nll_loss(
            log_probs_BTV.flatten(0, 1),
            targets_BT.flatten(),
            ignore_index=IGNORED,
            reduction="none",
        )
        per_window = nats_N.view(targets_BT.shape).double().sum(dim=1)
        self.nats.append(per_window.cpu().numpy())
        self.num_bytes.append(num_bytes)
        self.tokens += int((targets_BT != IGNORED).sum())

    def evaluation(self) -> Evaluation:
        """The record, windows gathered into at most 64 consecutive stretches."""
        nats, num_bytes = np.concatenate(self.nats), np.concatenate(self.num_bytes)
        if not np.isfinite(nats).all():
            raise ArithmeticError("the loss on the held-out text is not finite")
        stretches = np.array_split(np.arange(len(nats)), min(MAX_BLOCKS, len(nats)))
        return Evaluation(
            split=self.split,
            nats=float(nats.sum()),
            tokens=self.tokens,
            num_bytes=int(num_bytes.sum()),
            blocks=tuple((float(nats[s].sum()), int(num_bytes[s].sum())) for s in stretches),
        )


def total_variation(probs_MBTV: Tensor, counted_BT: Tensor) -> float:
    """Sum over counted tokens of the mean distance of two models' distributions."""
    pairs = list(combinations(range(probs_MBTV.shape[0]), 2))
    total = 0.0
    for i, j in pairs:
        distance_BT = (probs_MBTV[i] - probs_MBTV[j]).abs().sum(dim=-1) / 2
        total += float(distance_BT[counted_BT].double().sum())
    return total / max(1, len(pairs))


def device_windows(
    model: GPT, dataset: Dataset, split: Split, batch: int, progress: Reporter = SILENT
) -> Iterator[tuple[Tensor, Tensor, NDArray[np.int64]]]:
    """The split's windows on the model's device, reported as they are done with."""
    device, block = model.embedding.weight.device, model.config.block
    done, total = 0, dataset.num_windows(split, block)
    with progress.work(f"measuring on the {split} split", total, "windows") as advance:
        for inputs, targets, num_bytes in dataset.windows(split, block, batch):
            yield (
                torch.from_numpy(inputs).to(device),
                torch.from_numpy(targets).to(device),
                num_bytes,
            )
            done += len(inputs)
            advance(done)


@contextmanager
def evaluation_mode(models: Sequence[GPT]) -> Iterator[None]:
    """Without dropout and without gradients, put back as it was."""
    training = [model.training for model in models]
    for model in models:
        model.eval()
    with torch.no_grad():
        yield
    for model, mode in zip(models, training, strict=True):
        model.train(mode)
