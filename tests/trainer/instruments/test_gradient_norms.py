"""Component norms add up to the global norm, and every parameter belongs where it should."""

from math import isfinite, isnan, nan, sqrt

import pytest
import torch

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.instruments.gradient_norms import GradientNorms, component_of, gradient_norms

SHAPES = {
    "modern": ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50),
    "classic": ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50, recipe="classic"),
    "untied": ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50, tied_head=False),
}


def after_backward(config: ModelConfig, formula: str = "gelu") -> GPT:
    model = GPT(config, parse(formula))
    model.initialise(1)
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.1)
    tokens_BT = torch.randint(0, 50, (4, 17), generator=stream)
    logits_BTV = model(tokens_BT[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits_BTV.flatten(0, 1), tokens_BT[:, 1:].flatten())
    torch.autograd.backward(loss)
    return model


def norms_of(model: GPT) -> GradientNorms:
    named = model.named_parameters()
    return gradient_norms({name: p.grad for name, p in named if p.grad is not None})


@pytest.mark.parametrize("formula", ["gelu", "swiglu"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_squares_of_the_components_add_up_to_the_global_norm(name: str, formula: str) -> None:
    model = after_backward(SHAPES[name], formula)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    total, *parts = norms_of(model)
    assert total == float(torch.nn.utils.get_total_norm(gradients))
    assert sqrt(sum(norm * norm for norm in parts)) == pytest.approx(total, rel=1e-6)


def test_a_component_is_the_norm_of_its_parameters_together() -> None:
    model = after_backward(SHAPES["modern"])
    parts = [p.grad for n, p in model.named_parameters() if ".attention." in n]
    together = torch.cat([part.flatten() for part in parts if part is not None])
    assert norms_of(model).attention == pytest.approx(float(together.norm()), rel=1e-6)


@pytest.mark.parametrize(
    ("component", "names"),
    [
        ("embedding", ["embedding.weight", "positions.weight"]),
        ("attention", ["blocks.0.attention.qkv.weight", "blocks.11.attention.out.bias"]),
        ("attention", ["blocks.1.attention_norm.weight"]),
        ("feed_forward", ["blocks.0.ffn.w_in.weight", "blocks.3.ffn.w_up.weight"]),
        ("feed_forward", ["blocks.0.ffn_norm.bias", "blocks.0.ffn.activation.p"]),
        ("other", ["norm.weight", "head.weight", "blocks.0.recurrence.weight"]),
    ],
)
def test_parameters_belong_to_their_component(component: str, names: list[str]) -> None:
    assert [component_of(name) for name in names] == [component] * len(names)


def test_the_modern_recipe_with_a_tied_head_has_nothing_else() -> None:
    assert norms_of(after_backward(SHAPES["modern"])).other == 0
    for name in ("classic", "untied"):
        assert norms_of(after_backward(SHAPES[name])).other > 0


def test_before_backward_every_norm_is_zero() -> None:
    model = GPT(SHAPES["modern"], parse("gelu"))
    assert set(norms_of(model)) == {0.0}


def test_what_is_not_finite_is_absent_where_it_is() -> None:
    model = after_backward(SHAPES["modern"])
    gradient = model.feed_forwards()[0].w_in.weight.grad
    assert gradient is not None
    gradient[0, 0] = nan
    norms = norms_of(model)
    assert isnan(norms.feed_forward)
    assert isnan(norms.total)
    assert isfinite(norms.attention)
    assert isfinite(norms.embedding)
