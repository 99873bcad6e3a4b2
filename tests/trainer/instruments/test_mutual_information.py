"""The binned estimate against Gaussians of known information, and the profile of a model."""

from math import inf, log, nan, sqrt

import pytest
import torch
from torch import Tensor

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.instruments.mutual_information import (
    MAX_SAMPLES,
    layer_profile,
    mean_information,
    mutual_information,
    num_bins,
)

SAMPLES, FEATURES = 8192, 16
SHAPE = ModelConfig(dim=32, heads=2, layers=3, block=16, vocab_size=40, dropout=0.5)


def gaussians(correlation: float, seed: int = 1, samples: int = SAMPLES) -> tuple[Tensor, Tensor]:
    """Columns that are correlated pair by pair and independent of each other."""
    stream = torch.Generator().manual_seed(seed)
    x_NF, noise_NF = torch.randn(2, samples, FEATURES, generator=stream)
    return x_NF, correlation * x_NF + sqrt(1 - correlation**2) * noise_NF


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("correlation", [0.3, 0.6, 0.9, -0.6])
def test_gaussians_have_their_closed_form_within_ten_percent(correlation: float, seed: int) -> None:
    expected = -log(1 - correlation**2) / 2
    assert mutual_information(*gaussians(correlation, seed)) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("samples", [2048, SAMPLES])
def test_independent_data_share_nothing(samples: int) -> None:
    found = mutual_information(*gaussians(0.0, samples=samples))
    assert found is not None
    assert 0 <= found < 0.01


def test_a_variable_shares_with_itself_what_its_bins_hold() -> None:
    x_NF, _ = gaussians(0.0)
    found = mutual_information(x_NF, x_NF)
    assert found == pytest.approx(log(num_bins(SAMPLES)), rel=0.01)


def test_monotone_maps_change_nothing() -> None:
    x_NF, y_NF = gaussians(0.6)
    assert mutual_information(x_NF.exp(), 3 * y_NF - 1) == mutual_information(x_NF, y_NF)


def test_what_correlation_misses_is_seen() -> None:
    """A parabola of a symmetric variable is uncorrelated with it and all but determined by it."""
    x_NF, noise_NF = gaussians(0.0)
    found = mutual_information(x_NF, x_NF.square() + 0.01 * noise_NF)
    assert found is not None
    assert found > 1.5


def test_equal_values_share_a_bin() -> None:
    """A rectified variable is zero half of the time, which is no information about the other."""
    x_NF, y_NF = gaussians(0.0)
    found = mutual_information(x_NF.relu(), y_NF)
    assert found == pytest.approx(0, abs=0.01)
    assert mutual_information(torch.ones_like(x_NF), y_NF) == pytest.approx(0, abs=1e-9)


def test_the_figure_is_the_mean_over_features() -> None:
    x_NF, y_NF = gaussians(0.6)
    each = [mutual_information(x_NF[:, [f]], y_NF[:, [f]]) for f in range(FEATURES)]
    found = [one for one in each if one is not None]
    assert mutual_information(x_NF, y_NF) == pytest.approx(sum(found) / FEATURES)


@pytest.mark.parametrize("bad", [nan, inf])
def test_what_is_not_finite_has_no_figure(bad: float) -> None:
    x_NF, y_NF = gaussians(0.5, samples=100)
    y_NF[7, 3] = bad
    assert mutual_information(x_NF, y_NF) is None
    assert mutual_information(x_NF[:0], x_NF[:0]) is None


def model(scale: float) -> GPT:
    """A model in training whose blocks add to the residual stream in proportion to `scale`."""
    gpt = GPT(SHAPE, parse("gelu"))
    gpt.initialise(1)
    stream = torch.Generator().manual_seed(2)
    for name, parameter in gpt.named_parameters():
        if name.endswith(("attention.out.weight", "ffn.w_out.weight")):
            parameter.data = scale * torch.randn(parameter.shape, generator=stream)
    return gpt.train()


def tokens(num_sequences: int = 128) -> Tensor:
    stream = torch.Generator().manual_seed(3)
    return torch.randint(0, 40, (num_sequences, 16), generator=stream)


def test_a_block_that_adds_little_keeps_what_enters() -> None:
    profiles = [layer_profile(model(scale), tokens()) for scale in (0.0, 0.3, 3.0)]
    nothing, little, much = ([one for one in profile if one is not None] for profile in profiles)
    assert len(nothing) == len(little) == len(much) == SHAPE.layers
    assert all(a > b > c > 0 for a, b, c in zip(nothing, little, much, strict=True))


def test_a_model_has_the_mean_of_its_profile() -> None:
    profile = layer_profile(model(0.3), tokens())
    figures = [one for one in profile if one is not None]
    assert mean_information(model(0.3), tokens()) == pytest.approx(sum(figures) / SHAPE.layers)


def test_the_profile_leaves_model_and_generator_as_they_were() -> None:
    gpt = model(0.3)
    torch.manual_seed(4)
    before = torch.get_rng_state()
    first = layer_profile(gpt, tokens())
    assert torch.equal(torch.get_rng_state(), before)
    assert gpt.training
    assert all(parameter.grad is None for parameter in gpt.parameters())
    assert not any(block._forward_hooks for block in gpt.blocks)
    assert layer_profile(gpt, tokens()) == first


def test_a_large_batch_is_read_as_far_as_it_pays() -> None:
    enough = MAX_SAMPLES // 16
    gpt, batch = model(0.3), tokens(enough + 100)
    assert layer_profile(gpt, batch) == layer_profile(gpt, batch[:enough])


def test_layers_that_overflow_have_no_figure() -> None:
    gpt = model(0.3)
    gpt.feed_forwards()[1].w_out.weight.data.fill_(nan)
    first, *others = layer_profile(gpt, tokens())
    assert first is not None
    assert others == [None, None]
    assert mean_information(gpt, tokens()) == first
