"""Effective rank of gradient matrices: the exponential of the entropy of their singular values.

`exp(H(s / sum s))` with the singular values s: 1 for an outer product, k for k equal values. Up to
a smaller dimension of 512 the singular values are exact; above it the greatest come from a
randomised range finder, and what that leaves over is measured by probes.

Shapes: K rows and N columns of a matrix laid on its side (K <= N), R directions found, P probes,
S Lanczos steps.
"""

from collections.abc import Iterable
from math import exp, fsum, log
from typing import NamedTuple

import torch
from torch import Tensor, nn

from state.seeds import derive_seed
from trainer.backbones.gpt import GPT

EXACT_DIMENSION = 512
# Every third direction is found: with that share the error does not depend on the size.
FOUND_SHARE = 3
NUM_PROBES = 8
LANCZOS_STEPS = 12

# Shares of the greatest possible value below which float64 holds nothing but rounding.
NEGLIGIBLE_ENERGY = 1e-12
BREAKDOWN = 1e-10


class Spectrum(NamedTuple):
    """Squared singular values and how many there are of each, which may be a fraction."""

    squares: Tensor
    counts: Tensor


@torch.no_grad()
def mean_effective_rank(model: GPT) -> float | None:
    """Mean over blocks of the effective rank of the gradient of the largest feed-forward matrix.

    Of equally large matrices the first counts, which is `w_in`. A block whose gradient is absent,
    zero or not finite is left out; None where that leaves no block.
    """
    gradients = [largest_gradient(layer.parameters()) for layer in model.feed_forwards()]
    ranks = [effective_rank(gradient) for gradient in gradients if gradient is not None]
    found = [rank for rank in ranks if rank is not None]
    return fsum(found) / len(found) if found else None


def largest_gradient(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """The gradient of the largest matrix; None without one."""
    matrices = [parameter for parameter in parameters if parameter.ndim == 2]
    largest = max(matrices, key=Tensor.numel, default=None)
    return None if largest is None else largest.grad


@torch.no_grad()
def effective_rank(matrix: Tensor) -> float | None:
    """Effective rank of a matrix, between 1 and its smaller dimension; the same bits every time.

    None for a matrix that is zero or not finite. Source: O. Roy and M. Vetterli, "The effective
    rank" (2007).
    """
    greatest = torch.stack(torch.aminmax(matrix)).abs().amax().double()
    if greatest == 0 or not torch.isfinite(greatest):
        return None
    flat_KN = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T).double() / greatest
    smaller = flat_KN.shape[0]
    spectrum = exact_spectrum if smaller <= EXACT_DIMENSION else sketched_spectrum
    return min(max(1.0, exponential_entropy(spectrum(flat_KN))), float(smaller))


def exponential_entropy(spectrum: Spectrum) -> float:
    """`exp(H(s / sum s))`, written with sums that need no normalisation first."""
    values = spectrum.squares.clamp_min(0).sqrt()
    total = float((spectrum.counts * values).sum())
    logarithms = float((spectrum.counts * torch.special.xlogy(values, values)).sum())
    return exp(log(total) - logarithms / total)


def exact_spectrum(matrix_KN: Tensor) -> Spectrum:
    """All singular values, from the Gram matrix: a third of the time of a decomposition.

    In float64 squaring costs what lies below 1e-8 of the greatest value, which weighs nothing.
    """
    squares_K = torch.linalg.eigvalsh(matrix_KN @ matrix_KN.T)
    return Spectrum(squares_K, torch.ones_like(squares_K))


def sketched_spectrum(matrix_KN: Tensor) -> Spectrum:
    """The greatest singular values one by one, the others as a weighted quadrature.

    Source: N. Halko, P. Martinsson, J. Tropp, "Finding structure with randomness" (2011), for
    the range finder; S. Ubaru, J. Chen, Y. Saad, "Fast estimation of tr(f(A)) via stochastic
    Lanczos quadrature" (2017), for the rest.
    """
    stream = torch.Generator().manual_seed(derive_seed(0, "effective rank", *matrix_KN.shape))
    basis_KR = range_basis(matrix_KN, stream)
    projected_RN = basis_KR.T @ matrix_KN
    found = exact_spectrum(projected_RN)
    energy = float(matrix_KN.square().sum())
    left_over = energy - float(projected_RN.square().sum())
    if left_over <= NEGLIGIBLE_ENERGY * energy:
        return found
    tail = calibrated(tail_spectrum(matrix_KN, basis_KR, stream), left_over)
    squares = torch.cat([found.squares, tail.squares.flatten()])
    return Spectrum(squares, torch.cat([found.counts, tail.counts.flatten()]))


def range_basis(matrix_KN: Tensor, stream: torch.Generator) -> Tensor:
    """Orthonormal directions [K, R] close to the greatest left singular vectors.

    Only directions come of it, so the products may be rounded to float32.
    """
    rough_KN = matrix_KN.float()
    num_found = matrix_KN.shape[0] // FOUND_SHARE
    test_NR = gaussian(matrix_KN.shape[1], num_found, stream).to(rough_KN)
    once_KR = torch.linalg.qr(rough_KN @ test_NR).Q
    basis_KR: Tensor = torch.linalg.qr((rough_KN @ (rough_KN.T @ once_KR)).double()).Q
    return basis_KR


def tail_spectrum(matrix_KN: Tensor, basis_KR: Tensor, stream: torch.Generator) -> Spectrum:
    """Squares [P, S] and counts of what the basis does not span, by Lanczos from random probes.

    Each probe is a unit vector of the complement and stands for its share of the complement's
    dimensions, so equal singular values come out exactly. Twelve steps need no
    reorthogonalisation.
    """
    probes_KP = gaussian(matrix_KN.shape[0], NUM_PROBES, stream).to(matrix_KN)
    start_KP = outside(basis_KR, outside(basis_KR, probes_KP))
    start_KP = start_KP / start_KP.norm(dim=0)
    squares_PS, vectors_PSS = torch.linalg.eigh(tridiagonal(matrix_KN, basis_KR, start_KP))
    dimensions = matrix_KN.shape[0] - basis_KR.shape[1]
    return Spectrum(squares_PS, vectors_PSS[:, 0].square() * (dimensions / NUM_PROBES))


def tridiagonal(matrix_KN: Tensor, basis_KR: Tensor, start_KP: Tensor) -> Tensor:
    """The Lanczos matrices [P, S, S] of the Gram matrix outside the basis.

    A probe whose Krylov space is exhausted goes on from the zero vector, whose nodes have no
    weight.
    """
    diagonal, off_diagonal = [], []
    current_KP, previous_KP = start_KP, torch.zeros_like(start_KP)
    step_P = torch.zeros_like(start_KP[0])
    for _ in range(LANCZOS_STEPS):
        next_KP = outside(basis_KR, matrix_KN @ (matrix_KN.T @ current_KP))
        diagonal.append((current_KP * next_KP).sum(dim=0))
        next_KP = next_KP - diagonal[-1] * current_KP - step_P * previous_KP
        norm_P = next_KP.norm(dim=0)
        alive_P = norm_P > BREAKDOWN * diagonal[0]
        step_P = torch.where(alive_P, norm_P, 0.0)
        previous_KP = current_KP
        current_KP = torch.where(alive_P, next_KP / norm_P, 0.0)
        off_diagonal.append(step_P)
    beside_PS = torch.stack(off_diagonal[:-1], dim=1)
    return (
        torch.diag_embed(torch.stack(diagonal, dim=1))
        + torch.diag_embed(beside_PS, 1)
        + torch.diag_embed(beside_PS, -1)
    )


def calibrated(tail: Spectrum, energy: float) -> Spectrum:
    """Counts moved along a line in the squares until the tail holds the energy that it must.

    The energy is known exactly, and this takes out the part of the probes' noise that follows
    it; the sum of the counts stays.
    """
    squares, counts = tail
    missing = energy - float((squares * counts).sum())
    deviation = squares - (squares * counts).sum() / counts.sum()
    spread = float((counts * deviation.square()).sum())
    if spread <= BREAKDOWN**2 * energy**2:
        return tail
    return Spectrum(squares, counts * (1 + missing / spread * deviation))


def outside(basis_KR: Tensor, vectors_KP: Tensor) -> Tensor:
    """The part of the vectors that is orthogonal to the basis."""
    return vectors_KP - basis_KR @ (basis_KR.T @ vectors_KP)


def gaussian(rows: int, columns: int, stream: torch.Generator) -> Tensor:
    """Standard normal values, drawn on the CPU so that every device gets the same."""
    return torch.randn(rows, columns, generator=stream, dtype=torch.float64)
