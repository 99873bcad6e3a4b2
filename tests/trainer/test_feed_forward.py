"""The feed-forward layer, its widths and its morphs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from state.genome import parse
from tests.drawn_layers import drawn
from trainer.activations import activation
from trainer.config import ModelConfig
from trainer.feed_forward import FeedForward
from trainer.widths import gated_width, inner_width

SMALL = ModelConfig(dim=32, heads=2, layers=1, block=16)
SILU, SIN = activation(parse("silu")), activation(parse("sin"))


def layer(formula: str, config: ModelConfig = SMALL) -> FeedForward:
    torch.manual_seed(3)
    return drawn(FeedForward(config, parse(formula)))


def num_weights(dim: int, formula: str) -> int:
    made = layer(formula, ModelConfig(dim=dim, heads=2))
    return sum(parameter.numel() for parameter in made.parameters())


def test_a_block_of_256_has_the_documented_sizes() -> None:
    assert gated_width(256, 1024) == 680
    assert num_weights(256, "swiglu") == 522_240
    assert num_weights(256, "gelu") == 524_288


@given(st.integers(32, 4096))
def test_gated_layers_have_the_parameters_of_ungated_ones(quarter_dim: int) -> None:
    dim = 4 * quarter_dim
    width = gated_width(dim, 4 * dim)
    assert abs(3 * width - 8 * dim) <= 0.01 * 8 * dim
    assert width % 2 == 0


def test_layers_too_small_for_one_percent_get_the_nearest_even_width() -> None:
    assert gated_width(8, 32) == 22


def test_a_gate_multiplies_the_activation_by_the_up_path() -> None:
    made, x = layer("glu(silu(x))"), torch.randn(2, 3, 32)
    assert made.w_up is not None
    hidden = SILU(made.w_in(x)) * made.w_up(x)
    assert torch.equal(made(x), made.w_out(hidden))
    assert made.w_in.out_features == inner_width(SMALL, parse("swiglu"))


def test_a_morph_goes_from_the_old_function_to_the_new_one() -> None:
    made, x = layer("relu"), torch.randn(2, 3, 32)
    old = made.w_out(SIN(made.w_in(x)))
    new = made(x)
    made.begin_morph(parse("sin"), parse("relu"))
    assert torch.equal(made(x), old)
    assert made.morph is not None
    made.morph.t = 0.25
    assert torch.allclose(made(x), 0.75 * old + 0.25 * new, atol=1e-6)
    made.morph.t = 1.0
    assert torch.equal(made(x), new)
    made.finish_morph()
    assert torch.equal(made(x), new)


def test_a_gate_that_appears_starts_as_no_gate_and_ends_as_the_gate() -> None:
    made, x = layer("glu(silu(x))"), torch.randn(2, 3, 32)
    gated = made(x)
    made.begin_morph(parse("silu"), parse("glu(silu(x))"))
    assert torch.equal(made(x), made.w_out(SILU(made.w_in(x))))
    assert made.morph is not None
    made.morph.t = 1.0
    assert torch.equal(made(x), gated)


def test_a_gate_that_vanishes_starts_as_the_gate_and_is_dropped() -> None:
    made, x = layer("silu"), torch.randn(2, 3, 32)
    ungated = made(x)
    made.begin_morph(parse("glu(silu(x))"), parse("silu"))
    assert made.w_up is not None
    drawn(made.w_up)
    hidden = SILU(made.w_in(x)) * made.w_up(x)
    assert torch.equal(made(x), made.w_out(hidden))
    made.finish_morph()
    assert "w_up.weight" not in made.state_dict()
    assert torch.equal(made(x), ungated)


@pytest.mark.parametrize("formula", ["gelu", "glu(gelu(x))"])
def test_classic_layers_have_biases(formula: str) -> None:
    classic = SMALL.model_copy(update={"recipe": "classic"})
    made = layer(formula, classic)
    assert made.w_in.bias is not None
    assert made.w_out.bias is not None
