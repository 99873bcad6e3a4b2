"""The four activations of the original as a model computes them, against their formulas.

Written out in float64 with exp and erf, without torch's own kernels.
"""

from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from state.genome import parse
from trainer.activations import activation
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig, Recipe
from trainer.feed_forward import FeedForward

FOUR = ["gelu", "silu", "relu", "swiglu"]
SHAPE = ModelConfig(dim=16, heads=2, layers=3, block=8, vocab_size=30, ffn_width=48)


def by_hand(layer: FeedForward, name: str, x: Tensor) -> Tensor:
    """The layer's own weights under the formula of `name`."""
    z, value = layer.w_in(x), torch.zeros(())
    match name:
        case "gelu":
            value = z * (1 + torch.erf(z / sqrt(2))) / 2
        case "silu":
            value = z / (1 + torch.exp(-z))
        case "relu":
            value = (z + z.abs()) / 2
        case "swiglu":
            assert layer.w_up is not None
            value = z / (1 + torch.exp(-z)) * layer.w_up(x)
        case _:
            raise AssertionError(name)
    result: Tensor = layer.w_out(value)
    return result


def model_of(name: str, recipe: Recipe = "classic") -> GPT:
    """Random weights everywhere: an untrained output projection may be zero."""
    model = GPT(SHAPE.model_copy(update={"recipe": recipe}), parse(name)).double()
    stream = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3, generator=stream)
    return model


def tokens() -> Tensor:
    return torch.randint(30, (2, 8), generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("name", FOUR)
def test_every_block_of_a_model_computes_its_activation(name: str, recipe: Recipe) -> None:
    model, seen = model_of(name, recipe), list[tuple[FeedForward, Tensor, Tensor]]()
    for layer in model.feed_forwards():
        layer.register_forward_hook(lambda made, given, out: seen.append((made, given[0], out)))
    model(tokens())
    assert len(seen) == SHAPE.layers
    for layer, given, out in seen:
        assert torch.allclose(out, by_hand(layer, name, given), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", FOUR)
def test_the_gradient_of_every_weight_is_the_finite_difference(name: str) -> None:
    (layer, *_) = model_of(name).feed_forwards()
    x = torch.randn(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    weights = tuple(layer.parameters())

    def output(given: Tensor, *changed: Tensor) -> Tensor:
        named = dict(zip(dict(layer.named_parameters()), changed, strict=True))
        found: Tensor = torch.func.functional_call(layer, named, (given,))
        return found

    assert torch.autograd.gradcheck(output, (x.requires_grad_(), *weights), fast_mode=True)


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("name", FOUR)
def test_a_loss_reaches_every_parameter(name: str, recipe: Recipe) -> None:
    model = model_of(name, recipe)
    model(tokens()).square().mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("formula", ["gelu", "silu", "relu", "0.8*silu(x)*relu(x) + 0.2*x"])
def test_an_activation_is_one_kernel_there_and_one_back(formula: str) -> None:
    y = activation(parse(formula))(torch.linspace(-3, 3, 7, requires_grad=True))
    assert y.grad_fn is not None
    assert [type(node).__name__ for node, _ in y.grad_fn.next_functions] == ["AccumulateGrad"]
