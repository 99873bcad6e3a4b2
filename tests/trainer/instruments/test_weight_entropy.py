"""The entropy of the weights' magnitudes, on distributions whose entropy is known."""

from math import inf, log, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.instruments.free_energy import free_energy
from trainer.instruments.weight_entropy import BINS, weight_entropy

SHAPE = ModelConfig(dim=16, heads=2, layers=2, block=16, vocab_size=40)


def untrained() -> GPT:
    model = GPT(SHAPE, parse("gelu"))
    model.initialise(3)
    return model


def test_magnitudes_that_fill_every_bin_alike_have_the_greatest_entropy() -> None:
    one_a_bin = (torch.arange(BINS, dtype=torch.float64) + 0.5) / (BINS - 0.5)
    assert weight_entropy([one_a_bin]) == pytest.approx(log(256))
    assert weight_entropy([one_a_bin * (-1) ** torch.arange(BINS)]) == pytest.approx(log(256))


def test_equal_magnitudes_have_none() -> None:
    assert weight_entropy([torch.full((7, 3), 0.02), torch.full((5,), -0.02)]) == 0
    assert weight_entropy([torch.zeros(4)]) == 0


def test_two_bins_have_the_entropy_of_their_shares() -> None:
    weights = torch.tensor([0.1, 0.1, 0.1, 1.0])
    expected = -0.75 * log(0.75) - 0.25 * log(0.25)
    assert weight_entropy([weights]) == pytest.approx(expected)


def test_a_normal_distribution_has_the_entropy_of_its_histogram() -> None:
    """The differential entropy of |z| less the logarithm of the width of a bin."""
    drawn = torch.randn(200_000, generator=torch.Generator().manual_seed(1))
    width = float(drawn.abs().max()) / BINS
    differential = 0.5 * log(2 * torch.pi * torch.e) - log(2)
    assert weight_entropy([drawn]) == pytest.approx(differential - log(width), rel=0.001)


def test_random_weights_have_more_than_structured_ones() -> None:
    """Pruned, quantised, low in rank and diagonal, each of the same size and greatest magnitude."""
    stream = torch.Generator().manual_seed(6)
    drawn = torch.randn(200, 200, generator=stream)
    ones = torch.randn(200, 1, generator=stream).sign()
    structured = [
        torch.where(torch.rand(200, 200, generator=stream) < 0.9, 0.0, drawn),
        drawn.sign() + drawn.abs().round(),
        ones @ ones.T,
        torch.diag(drawn.diagonal()),
    ]
    random = weight_entropy([drawn])
    assert random is not None
    assert all((weight_entropy([weights]) or 0.0) < random - 1 for weights in structured)


def test_the_greatest_magnitude_may_be_anywhere() -> None:
    parts = [torch.tensor([0.5]), torch.tensor([[-2.0, 1.0]]), torch.tensor([0.25])]
    assert weight_entropy(parts) == weight_entropy([torch.cat([p.flatten() for p in parts])])


@given(st.floats(1e-30, 1e30))
def test_scaling_all_weights_changes_nothing_but_rounding(scale: float) -> None:
    weights = torch.linspace(-1, 1, 999)
    assert weight_entropy([weights * scale]) == pytest.approx(weight_entropy([weights]), abs=0.02)


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_weights_that_are_not_finite_have_no_entropy(bad: float) -> None:
    assert weight_entropy([torch.ones(3), torch.tensor([1.0, bad])]) is None


def test_no_weights_have_no_entropy() -> None:
    assert weight_entropy([]) is None
    assert weight_entropy([torch.zeros(0)]) is None


def test_a_model_counts_every_parameter_and_is_left_as_it_was() -> None:
    model = untrained()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    everything = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert weight_entropy(model) == weight_entropy([everything])
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_half_precision_is_counted_like_single() -> None:
    drawn = torch.randn(5000, generator=torch.Generator().manual_seed(2)).bfloat16()
    assert weight_entropy([drawn]) == weight_entropy([drawn.float()])


def test_free_energy_is_the_loss_and_the_entropy_at_a_thousand_times_the_rate() -> None:
    assert free_energy(2.0, 3.0, 5e-5) == pytest.approx(2.0 + 0.05 * 3.0)
    assert free_energy(2.0, 3.0, 0.0) == 2.0


@pytest.mark.parametrize(("loss", "entropy"), [(None, 1.0), (1.0, None), (nan, 1.0), (1.0, inf)])
def test_without_loss_or_entropy_there_is_no_free_energy(
    loss: float | None, entropy: float | None
) -> None:
    assert free_energy(loss, entropy, 1e-3) is None
