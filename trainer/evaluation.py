"""Measuring models over a whole split: deterministic, without dropout, summed in float64.

Shapes: B windows, T positions, N positions of all windows, D model width, V vocabulary, M models.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from state.progress import SILENT, Reporter
from state.records import Evaluation, Split
from trainer.backbones.gpt import GPT
from trainer.data import IGNORED, Dataset
from trainer.target_nats import groups, target_nats, told
from trainer.tracks import held_out_tracks

MAX_BLOCKS = 64
WINDOWS_OF_A_TRACK = 8
TOKENS_AT_A_TIME = {"cpu": 2**11, "cuda": 2**15}
"""Tokens of one forward pass: on a CPU what the cache holds, on an accelerator what fills it."""


def windows_at_a_time(model: GPT) -> int:
    """Windows of one forward pass: they follow from block and device alone, so that every worker
    of a run takes as many.
    """
    return max(1, TOKENS_AT_A_TIME[model.embedding.weight.device.type] // model.config.block)


def tracks_of(dataset: Dataset, split: Split, block: int) -> int:
    """In which a stateful model reads a held-out split, the same on every device: of eight windows
    of a track at most one begins with empty states.
    """
    most = max(1, TOKENS_AT_A_TIME["cpu"] // block)
    return min(most, max(1, dataset.num_windows(split, block) // WINDOWS_OF_A_TRACK))


def evaluate(
    model: GPT,
    dataset: Dataset,
    split: Split,
    batch: int | None = None,
    progress: Reporter = SILENT,
) -> Evaluation:
    """The loss on every window of the split, `batch` windows at a time; None: `windows_at_a_time`.

    `batch` changes the result by rounding only, but of a stateful model, which reads the split in
    so many tracks; None then takes `tracks_of`.
    """
    if model.config.stateful:
        tracks = batch or tracks_of(dataset, split, model.config.block)
        return evaluate_in_tracks(model, dataset, split, tracks, progress)
    tally, batch = Tally(split), batch or windows_at_a_time(model)
    with evaluation_mode([model]):
        windows = device_windows(model, dataset, split, batch, progress)
        for inputs_BT, targets_BT, num_bytes in windows:
            nats_BT = target_nats(model, model.read(inputs_BT, None), targets_BT)
            tally.count(nats_BT, targets_BT, num_bytes)
    return tally.evaluation()


def evaluate_in_tracks(
    model: GPT, dataset: Dataset, split: Split, batch: int, progress: Reporter
) -> Evaluation:
    """The loss on every window, each read with the states that the one before it left.

    The first window of each of `batch` tracks begins with empty ones.
    """
    device, block = model.embedding.weight.device, model.config.block
    count, done = dataset.num_windows(split, block), 0
    nats, num_bytes = np.zeros(count), np.zeros(count, dtype=np.int64)
    past = model.empty_cache(min(batch, count))
    working = progress.work(f"measuring on the {split} split", count, "windows")
    with evaluation_mode([model]), working as advance:
        for one in held_out_tracks(dataset, split, block, batch):
            inputs_BT, targets_BT = (
                torch.from_numpy(tokens).to(device) for tokens in (one.inputs, one.targets)
            )
            nats_BT = target_nats(model, model.read(inputs_BT, past), targets_BT).double()
            per_window_B = nats_BT.masked_fill(targets_BT == IGNORED, 0.0).sum(dim=1).cpu().numpy()
            there = one.numbers < count
            nats[one.numbers[there]] = per_window_B[there]
            num_bytes[one.numbers[there]] = one.num_bytes[there]
            done += int(there.sum())
            advance(done)
    tally = Tally(split)
    tally.nats, tally.num_bytes = [nats], [num_bytes]
    tally.tokens = dataset.manifest.splits[split].tokens - 1
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
            nats_MBT, apart = compared(models, inputs_BT, targets_BT)
            for tally, nats_BT in zip(tallies, nats_MBT, strict=True):
                tally.count(nats_BT, targets_BT, num_bytes)
            ensemble.count(nats_of_mean(nats_MBT), targets_BT, num_bytes)
            variation += apart
    result = ensemble.evaluation()
    return result, tuple(t.evaluation() for t in tallies), min(1.0, variation / result.tokens)


def compared(models: Sequence[GPT], inputs_BT: Tensor, targets_BT: Tensor) -> tuple[Tensor, float]:
    """Nats [M, B, T] of every target by each model, and the sum over counted tokens of the mean
    distance of two models' distributions.
    """
    read_MND = [model.read(inputs_BT, None).flatten(0, 1) for model in models]
    targets_N = targets_BT.flatten()
    nats: list[Tensor] = []
    variation = 0.0
    for group in groups(models[0], len(targets_N)):
        said = [
            told(model, x_ND[group], targets_N[group], probs=True)
            for model, x_ND in zip(models, read_MND, strict=True)
        ]
        nats.append(torch.stack([one.nats for one in said]))
        distributions = [one.probs for one in said]
        variation += total_variation(distributions, targets_N[group] != IGNORED)
    return torch.cat(nats, dim=1).view(len(models), *targets_BT.shape), variation


def nats_of_mean(nats_MBT: Tensor) -> Tensor:
    """Nats [B, T] of the targets by the mean of the models' distributions."""
    return log(len(nats_MBT)) - torch.logsumexp(-nats_MBT, dim=0)


class Tally:
    """Sums of one model over the windows of a split."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.tokens = 0
        self.nats: list[NDArray[np.float64]] = []
        self.num_bytes: list[NDArray[np.int64]] = []

    def count(self, nats_BT: Tensor, targets_BT: Tensor, num_bytes: NDArray[np.int64]) -> None:
        """Count a batch of windows by the nats of its targets."""
        counted_BT = targets_BT != IGNORED
        per_window_B = nats_BT.double().masked_fill(~counted_BT, 0.0).sum(dim=1)
        self.nats.append(per_window_B.cpu().numpy())
        self.num_bytes.append(num_bytes)
        self.tokens += int(counted_BT.sum())

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


def total_variation(probs_MNV: Sequence[Tensor] | Tensor, counted_N: Tensor) -> float:
    """Sum over counted tokens of the mean distance of two models' distributions."""
    pairs = list(combinations(probs_MNV, 2))
    total = 0.0
    for one, other in pairs:
        distance_N = (one - other).abs().sum(dim=-1) / 2
        total += float(distance_N[counted_N].double().sum())
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
