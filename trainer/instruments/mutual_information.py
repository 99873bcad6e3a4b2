"""Mutual information between what enters a layer and what leaves it, estimated from bins.

The estimator works on pairs of scalars: each variable is cut at its own quantiles into about
equally full bins, and the plug-in estimate from the joint histogram loses its Miller-Madow bias,
`(C_xy - C_x - C_y + 1) / 2N` with C occupied cells of N samples. The number of bins grows with
the samples, eight a cell, from 2 to 32: fewer lose information, more outgrow the correction.

A layer's figure is the mean over 16 coordinates of the residual stream, spread evenly, of the
information between that coordinate before the block and after it. It is no estimate of the
information between whole vectors, which bins cannot give.

Shapes: B sequences, T positions, D model width, N samples, F features, Q bins.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import fsum, isqrt

import torch
from torch import Tensor, nn

from trainer.backbones.gpt import GPT
from trainer.evaluation import evaluation_mode
from trainer.instruments.entropy import entropy

SAMPLES_PER_CELL = 8
MAX_BINS = 32
NUM_FEATURES = 16
# More samples than fill the greatest number of bins would only cost time.
MAX_SAMPLES = SAMPLES_PER_CELL * MAX_BINS**2


def mean_information(model: GPT, tokens_BT: Tensor) -> float | None:
    """Mean of `layer_profile` over the layers that have a figure, in nats; None without any."""
    found = [figure for figure in layer_profile(model, tokens_BT) if figure is not None]
    return fsum(found) / len(found) if found else None


def layer_profile(model: GPT, tokens_BT: Tensor) -> tuple[float | None, ...]:
    """Information between input and output of each block, first to last, in nats.

    One pass without dropout and gradients over the first sequences, up to 8,192 tokens.
    """
    num_sequences = max(1, MAX_SAMPLES // tokens_BT.shape[1])
    with evaluation_mode([model]), boundaries(model.blocks, model.config.dim) as seen:
        model.read(tokens_BT[:num_sequences], None)
    return tuple(mutual_information(before_NF, after_NF) for before_NF, after_NF in seen)


@contextmanager
def boundaries(blocks: Iterable[nn.Module], dim: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """A list that fills, as the blocks are run, with the features before and after each."""
    num_features = min(NUM_FEATURES, dim)
    features = torch.arange(num_features) * dim // num_features
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...], after_BTD: Tensor) -> None:
        chosen = (given[0][..., features], after_BTD[..., features])
        seen.append((chosen[0].flatten(0, -2), chosen[1].flatten(0, -2)))

    handles = [block.register_forward_hook(keep) for block in blocks]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def mutual_information(x_NF: Tensor, y_NF: Tensor) -> float | None:
    """Mean over features of the information between column f of `x` and column f of `y`, in nats.

    At least 0; None where a value is not finite or there are no samples. Source: G. Miller,
    "Note on the bias of information estimates" (1955).
    """
    finite = torch.isfinite(x_NF).all() & torch.isfinite(y_NF).all()
    if not x_NF.numel() or not bool(finite):
        return None
    bins = num_bins(x_NF.shape[0])
    joint_FQQ = joint_counts(quantile_bins(x_NF, bins), quantile_bins(y_NF, bins), bins)
    return max(0.0, fsum(map(corrected_information, joint_FQQ)) / len(joint_FQQ))


def num_bins(num_samples: int) -> int:
    """Bins of each variable."""
    return min(MAX_BINS, max(2, isqrt(num_samples // SAMPLES_PER_CELL)))


def quantile_bins(values_NF: Tensor, bins: int) -> Tensor:
    """The bin [F, N] of each value, int64; equal values share one, so bins may differ in size."""
    sorted_FN = values_NF.float().T.contiguous().sort(dim=1).values
    num_samples = sorted_FN.shape[1]
    edges = sorted_FN[:, torch.arange(1, bins) * num_samples // bins].contiguous()
    return torch.searchsorted(edges, values_NF.float().T.contiguous(), right=True)


def joint_counts(x_FN: Tensor, y_FN: Tensor, bins: int) -> Tensor:
    """Samples in each pair of bins, [F, Q, Q] int64."""
    num_features = x_FN.shape[0]
    offsets_F1 = torch.arange(num_features, device=x_FN.device)[:, None] * bins
    cells_FN = (offsets_F1 + x_FN) * bins + y_FN
    counts = torch.bincount(cells_FN.flatten(), minlength=num_features * bins * bins)
    return counts.view(num_features, bins, bins).cpu()


def corrected_information(joint_QQ: Tensor) -> float:
    """Plug-in information of a joint histogram less its Miller-Madow bias; may be negative."""
    tables = (joint_QQ.sum(dim=1), joint_QQ.sum(dim=0), joint_QQ)
    h_x, h_y, h_xy = (entropy(table) for table in tables)
    cells_x, cells_y, cells_xy = (int((table > 0).sum()) for table in tables)
    bias = (cells_xy - cells_x - cells_y + 1) / (2 * int(joint_QQ.sum()))
    return h_x + h_y - h_xy - bias
