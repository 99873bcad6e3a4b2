"""Analytic operation counts against torch's counter."""

import pytest
import torch

from state.genome import parse
from tests.trainer.counted_flops import counted_in_pytorch
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.flops import forward_flops_per_token, training_flops_per_step

SHAPES = [
    ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50),
    ModelConfig(dim=64, heads=4, layers=3, block=32, vocab_size=70, tied_head=False),
    ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50, recipe="classic"),
]


@pytest.mark.parametrize("config", SHAPES)
@pytest.mark.parametrize("formula", ["gelu", "swiglu", "sin(x)*silu(x)"])
def test_the_analytic_count_is_what_torch_counts(config: ModelConfig, formula: str) -> None:
    model = GPT(config, parse(formula))
    model.initialise(1)
    tokens = torch.zeros(3, config.block, dtype=torch.int64)
    with counted_in_pytorch() as counter:
        model(tokens)
    expected = forward_flops_per_token(config, parse(formula)) * tokens.numel()
    assert counter.get_total_flops() == expected


def test_a_training_step_costs_three_forward_passes() -> None:
    config, genome = SHAPES[0], parse("gelu")
    per_token = forward_flops_per_token(config, genome)
    assert training_flops_per_step(config, genome, 100) == 300 * per_token


def test_a_gate_costs_at_most_two_percent_more_or_less() -> None:
    config = ModelConfig(dim=256, heads=4, layers=4, block=128, vocab_size=512)
    gated, ungated = (forward_flops_per_token(config, parse(f)) for f in ("swiglu", "gelu"))
    assert gated == pytest.approx(ungated, rel=0.02)
