"""Sparse measures beside the truth: spectra that are known, Gaussians of known information."""

import statistics
import time
from collections.abc import Callable
from math import exp, log, sqrt

import torch
from pydantic import JsonValue
from torch import Tensor

from state.seeds import derive_seed
from trainer.instruments.effective_rank import EXACT_DIMENSION, effective_rank
from trainer.instruments.mutual_information import mutual_information

SHAPES = ((64, 256), (EXACT_DIMENSION, 4 * EXACT_DIMENSION), (640, 1280), (768, 3072))
SPECTRA: dict[str, Callable[[Tensor], Tensor]] = {
    "rank 1": lambda i: (i < 1).double(),
    "rank 2": lambda i: (i < 2).double(),
    "rank 5": lambda i: (i < 5).double(),
    "rank 64": lambda i: (i < 64).double(),
    "exponential, 20 indices": lambda i: torch.exp(-i / 20),
    "exponential, a tenth of the width": lambda i: torch.exp(-10 * i / len(i)),
    "power law, exponent 2": lambda i: (i + 1) ** -2.0,
    "power law, exponent 1": lambda i: (i + 1) ** -1.0,
    "power law, exponent 1/2": lambda i: (i + 1) ** -0.5,
    "line": lambda i: 1 - i / len(i),
    "flat": torch.ones_like,
}
NUM_MATRICES = 3

CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
SAMPLES = ((2048, 16), (8192, 16))
NUM_DRAWS = 10


def rank_table() -> list[JsonValue]:
    """A row for each shape and spectrum."""
    return [rank_row(shape, name) for shape in SHAPES for name in SPECTRA]


def rank_row(shape: tuple[int, int], name: str) -> JsonValue:
    """The truth, and of several matrices the estimate that is furthest from it."""
    values = SPECTRA[name](torch.arange(min(shape), dtype=torch.float64))
    truth = exp(float(torch.special.entr(values / values.sum()).sum()))
    matrices = [matrix_of(values, shape, seed) for seed in range(NUM_MATRICES)]
    started = time.process_time()
    estimates = [effective_rank(matrix) or 0.0 for matrix in matrices]
    milliseconds = 1000 * (time.process_time() - started) / NUM_MATRICES
    worst = max(estimates, key=lambda estimate: abs(estimate - truth))
    print(
        f"{shape[0]:4} x {shape[1]:4} {name:34} {truth:8.3f} {worst:8.3f} "
        f"{100 * (worst / truth - 1):+7.3f} % {milliseconds:7.1f} ms",
        flush=True,
    )
    return {
        "shape": list(shape),
        "spectrum": name,
        "truth": truth,
        "worst_estimate": worst,
        "worst_error": worst / truth - 1,
        "cpu_ms": milliseconds,
    }


def matrix_of(values: Tensor, shape: tuple[int, int], seed: int) -> Tensor:
    """A float32 matrix of these singular values in random directions."""
    stream = torch.Generator().manual_seed(derive_seed(seed, "benchmark matrix", *shape))
    left, right = (
        torch.linalg.qr(torch.randn(s, len(values), generator=stream, dtype=torch.float64)).Q
        for s in shape
    )
    matrix: Tensor = (left * values) @ right.T
    return matrix.float()


def information_table() -> list[JsonValue]:
    """A row for each number of samples and each correlation."""
    return [information_row(*size, correlation) for size in SAMPLES for correlation in CORRELATIONS]


def information_row(samples: int, features: int, correlation: float) -> JsonValue:
    """The closed form, and the mean and the worst of several draws."""
    truth = log(1 / (1 - correlation**2)) / 2
    found = [information(correlation, samples, features, seed) for seed in range(NUM_DRAWS)]
    mean = statistics.fmean(found)
    worst = max(found, key=lambda estimate: abs(estimate - truth))
    print(
        f"{samples} samples of {features} pairs, correlation {correlation}: "
        f"{truth:.4f} nats, mean {mean:.4f}, worst {worst:.4f}",
        flush=True,
    )
    return {
        "samples": samples,
        "features": features,
        "correlation": correlation,
        "truth": truth,
        "mean_estimate": mean,
        "worst_estimate": worst,
        "mean_error": mean / truth - 1 if truth else None,
        "worst_error": worst / truth - 1 if truth else None,
    }


def information(correlation: float, samples: int, features: int, seed: int) -> float:
    """The estimate on one draw of Gaussians."""
    stream = torch.Generator().manual_seed(derive_seed(seed, "benchmark gaussians"))
    x, noise = torch.randn(2, samples, features, generator=stream)
    return mutual_information(x, correlation * x + sqrt(1 - correlation**2) * noise) or 0.0
