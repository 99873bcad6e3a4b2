"""Effective rank against matrices whose singular values are known, below and above the sketch."""

from collections.abc import Callable
from math import exp, inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.instruments.effective_rank import (
    EXACT_DIMENSION,
    effective_rank,
    mean_effective_rank,
)

Shares = Callable[[Tensor], Tensor]
"""Singular values of matrices of any size from the indices 0, 1, 2, ..."""

SPECTRA: dict[str, Shares] = {
    "exponential": lambda i: torch.exp(-i / 20),
    "exponential over the whole width": lambda i: torch.exp(-10 * i / len(i)),
    "power law": lambda i: 1 / (i + 1),
    "slow power law": lambda i: (i + 1) ** -0.5,
    "line": lambda i: 1 - i / len(i),
    "two levels": lambda i: torch.where(i < len(i) / 2, 1.0, 0.1).double(),
    "flat": torch.ones_like,
}
EXACT = (64, 256)
SKETCHED = (EXACT_DIMENSION + 8, 640)
CLASSIC = ModelConfig(dim=16, heads=2, layers=3, block=16, vocab_size=40, recipe="classic")


def orthonormal(rows: int, columns: int, stream: torch.Generator) -> Tensor:
    drawn = torch.randn(rows, columns, generator=stream, dtype=torch.float64)
    columns_RC: Tensor = torch.linalg.qr(drawn).Q
    return columns_RC


def with_values(values: Tensor, shape: tuple[int, int], seed: int = 1) -> Tensor:
    """A float32 matrix of these singular values in random directions."""
    stream = torch.Generator().manual_seed(seed)
    left, right = (orthonormal(size, len(values), stream) for size in shape)
    return ((left * values) @ right.T).float()


def truth(values: Tensor) -> float:
    share = values / values.sum()
    return exp(float(torch.special.entr(share).sum()))


def spectrum(name: str, size: int) -> Tensor:
    return SPECTRA[name](torch.arange(size, dtype=torch.float64))


@pytest.mark.parametrize("shape", [EXACT, SKETCHED])
@pytest.mark.parametrize("rank", [1, 2, 5, 64])
def test_equal_values_count_themselves(rank: int, shape: tuple[int, int]) -> None:
    """The original returned 20 for each of these ranks."""
    matrix = with_values(torch.ones(rank, dtype=torch.float64), shape)
    assert effective_rank(matrix) == pytest.approx(rank, rel=1e-3)


@pytest.mark.parametrize("shape", [EXACT, (EXACT_DIMENSION, EXACT_DIMENSION)])
@pytest.mark.parametrize("name", SPECTRA)
def test_small_matrices_are_exact(name: str, shape: tuple[int, int]) -> None:
    values = spectrum(name, min(shape))
    assert effective_rank(with_values(values, shape)) == pytest.approx(truth(values), rel=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_sketch_is_within_five_percent(name: str, seed: int) -> None:
    values = spectrum(name, min(SKETCHED))
    found = effective_rank(with_values(values, SKETCHED, seed))
    assert found == pytest.approx(truth(values), rel=0.05)


def test_the_sketch_sees_a_rank_that_it_did_not_look_for() -> None:
    """300 of 520 directions: more than the range finder keeps."""
    matrix = with_values(torch.ones(300, dtype=torch.float64), SKETCHED)
    assert effective_rank(matrix) == pytest.approx(300, rel=0.01)


def test_a_random_gradient_is_within_five_percent_of_its_decomposition() -> None:
    matrix = torch.randn(*SKETCHED, generator=torch.Generator().manual_seed(4))
    expected = truth(torch.linalg.svdvals(matrix.double()))
    assert effective_rank(matrix) == pytest.approx(expected, rel=0.05)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8), st.floats(1e-30, 1e30))
def test_it_depends_on_the_shares_of_the_values_alone(values: list[float], scale: float) -> None:
    shares = torch.tensor(values, dtype=torch.float64)
    found = effective_rank(torch.diag(shares * scale))
    assert found == pytest.approx(truth(shares), rel=1e-6)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.floats(0, 4))
def test_it_lies_between_one_and_the_smaller_side(
    rows: int, columns: int, seed: int, decay: float
) -> None:
    drawn = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    found = effective_rank(drawn * torch.exp(-decay * torch.arange(columns)))
    assert found is not None
    assert 1 - 1e-6 <= found <= min(rows, columns) + 1e-6


@pytest.mark.parametrize("name", SPECTRA)
def test_the_sketch_lies_between_one_and_the_smaller_side(name: str) -> None:
    found = effective_rank(with_values(spectrum(name, min(SKETCHED)), SKETCHED))
    assert found is not None
    assert 1 <= found <= min(SKETCHED)


@pytest.mark.parametrize("shape", [EXACT, SKETCHED])
def test_a_matrix_and_its_transpose_agree(shape: tuple[int, int]) -> None:
    matrix = with_values(spectrum("power law", min(shape)), shape)
    assert effective_rank(matrix) == pytest.approx(effective_rank(matrix.T), rel=1e-9)


def test_the_sketch_is_a_function_of_the_matrix() -> None:
    """Same bits every time, and no draw from the generator that dropout uses."""
    matrix = with_values(spectrum("line", min(SKETCHED)), SKETCHED)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = effective_rank(matrix)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert effective_rank(matrix) == first


@pytest.mark.parametrize("shape", [(8, 9), SKETCHED])
def test_zero_and_what_is_not_finite_have_no_rank(shape: tuple[int, int]) -> None:
    assert effective_rank(torch.zeros(shape)) is None
    for bad in (nan, inf):
        matrix = torch.ones(shape)
        matrix[3, 4] = bad
        assert effective_rank(matrix) is None


def with_gradients(*gradients: Tensor | None) -> GPT:
    """A model whose `w_in` have these gradients and whose `w_out` have one of full rank."""
    model = GPT(CLASSIC, parse("gelu"))
    model.initialise(1)
    for layer, gradient in zip(model.feed_forwards(), gradients, strict=True):
        layer.w_in.weight.grad = gradient
        layer.w_out.weight.grad = torch.eye(16, 64)
    return model


def test_a_model_has_the_mean_over_its_blocks() -> None:
    ranks = [torch.eye(64, 16)[:, :1] @ torch.ones(1, 16), torch.eye(64, 16), torch.eye(64, 16)]
    assert mean_effective_rank(with_gradients(*ranks)) == pytest.approx((1 + 16 + 16) / 3)


def test_blocks_without_a_gradient_are_left_out() -> None:
    """Output projections that start at zero leave `w_in` without a gradient for one step."""
    only_one = with_gradients(torch.zeros(64, 16), None, torch.eye(64, 16))
    assert mean_effective_rank(only_one) == pytest.approx(16)
    assert mean_effective_rank(with_gradients(None, None, None)) is None
