"""Parameters of every activation against closed forms, as built and as computed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import parse
from tests.trainer.counted_flops import counted_in_pytorch
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig, Recipe
from trainer.feed_forward import FeedForward
from trainer.flops import forward_flops_per_token
from trainer.widths import inner_width, num_coefficients, num_parameters

PLAIN = ["gelu", "silu", "relu", "relu2", "leaky_relu", "0.8*silu(x)*relu(x) + 0.2*x"]
GATED = ["swiglu", "geglu", "reglu", "bilinear", "glu(silu(gelu(x)))"]
PER_NEURON = {"universal": 2, "blend": 5}
PER_LAYER = {"spline": 16, "rational": 6, "learned(0.8*silu(x) - 0.2*x)": 2}
LEARNABLE = [*PER_NEURON, *PER_LAYER]
EVERY_KIND = [*PLAIN, *GATED, *LEARNABLE, *(f"glu({kind})" for kind in LEARNABLE)]
BLOCK_256 = ModelConfig(dim=256, heads=8, layers=6)


def coefficients(formula: str, width: int) -> int:
    bare = formula.removeprefix("glu(").removesuffix(")") if "glu(" in formula else formula
    return PER_NEURON.get(bare, 0) * width + PER_LAYER.get(bare, 0)


def in_layer(config: ModelConfig, formula: str) -> int:
    layer = FeedForward(config, parse(formula))
    return sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize(
    ("formula", "ffn_width", "count"),
    [
        ("gelu", None, 524_288),
        ("silu", None, 524_288),
        ("relu", None, 524_288),
        ("swiglu", None, 522_240),
        ("swiglu", 1056, 540_672),
        ("gelu", 704, 360_448),
        ("universal", None, 526_336),
        ("glu(universal)", None, 523_600),
        ("blend", None, 529_408),
        ("glu(blend)", None, 525_640),
        ("spline", None, 524_304),
        ("rational", None, 524_294),
        ("learned(0.8*silu(x) + 0.2*x)", None, 524_290),
    ],
)
def test_a_block_of_256_has_the_documented_parameters(
    formula: str, ffn_width: int | None, count: int
) -> None:
    config = BLOCK_256.model_copy(update={"ffn_width": ffn_width})
    assert in_layer(config, formula) == count


def test_the_width_of_the_original_is_reached_by_its_ungated_equivalent() -> None:
    assert inner_width(BLOCK_256.model_copy(update={"ffn_width": 1056}), parse("swiglu")) == 704


@pytest.mark.parametrize("formula", [*PLAIN, *GATED, *LEARNABLE])
def test_every_activation_stays_within_one_percent_at_256(formula: str) -> None:
    assert abs(in_layer(BLOCK_256, formula) - 524_288) <= 0.01 * 524_288


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("formula", EVERY_KIND)
@pytest.mark.parametrize("ffn_width", [None, 96])
def test_the_closed_form_is_what_is_built(
    recipe: Recipe, formula: str, ffn_width: int | None
) -> None:
    config = ModelConfig(
        dim=32, heads=2, layers=2, block=16, vocab_size=50, recipe=recipe, ffn_width=ffn_width
    )
    built = sum(parameter.numel() for parameter in GPT(config, parse(formula)).parameters())
    assert built == num_parameters(config, parse(formula))
    width, matrices = inner_width(config, parse(formula)), 3 if is_gated(formula) else 2
    layer = 4 * 32 * 32 + matrices * 32 * width + coefficients(formula, width)
    biases = (3 + 1) * 32 + (matrices - 1) * width + 32
    outside = 50 * 32
    if recipe == "classic":
        layer += biases + 4 * 32
        outside += 16 * 32 + 2 * 32
    assert built == outside + 2 * layer


def is_gated(formula: str) -> bool:
    return formula in GATED or formula.startswith("glu(")


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.integers(2, 300), st.sampled_from(EVERY_KIND))
def test_the_closed_form_holds_for_any_width(eighth: int, ffn_width: int, formula: str) -> None:
    config = ModelConfig(dim=8 * eighth, heads=4, ffn_width=ffn_width)
    width = inner_width(config, parse(formula))
    matrices = 3 if is_gated(formula) else 2
    expected = matrices * config.dim * width + coefficients(formula, width)
    assert in_layer(config, formula) == expected
    assert num_coefficients(config, parse(formula)) == coefficients(formula, width)


@pytest.mark.parametrize("formula", EVERY_KIND)
def test_coefficients_cost_no_matrix_products(formula: str) -> None:
    config = ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50)
    model, tokens = GPT(config, parse(formula)), torch.zeros(2, 16, dtype=torch.int64)
    with counted_in_pytorch() as counter:
        model(tokens)
    per_token = forward_flops_per_token(config, parse(formula))
    assert counter.get_total_flops() == per_token * tokens.numel()
    assert per_token == forward_flops_per_token(
        config, parse("swiglu" if is_gated(formula) else "gelu")
    )
