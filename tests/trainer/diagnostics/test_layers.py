"""What is read inside a model, on models of which it is known."""

from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor

from state.genome import parse
from trainer.backbones.attention.compiled import fits
from trainer.backbones.blocks import Place
from trainer.backbones.gpt import GPT, Block
from trainer.config import ModelConfig, WorkerSetup
from trainer.diagnostics.ablation import ablations, window_nats
from trainer.diagnostics.activations import UnitTally, bend_of
from trainer.diagnostics.layers import attention_of, read_layers
from trainer.diagnostics.weight_health import read_weights
from trainer.feed_forward import FeedForward

CONFIG = ModelConfig(dim=16, heads=2, layers=2, block=16, vocab_size=50)
SETUP = WorkerSetup.model_validate({"run_folder": "-", "model": CONFIG, "optimizer": {}})


def made(formula: str = "gelu", config: ModelConfig = CONFIG) -> GPT:
    """Every weight drawn, output projections too."""
    model = GPT(config, parse(formula))
    stream = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=stream))
    return model.requires_grad_(requires_grad=False).eval()


def block_of(model: GPT, layer: int) -> Block:
    block = model.blocks[layer]
    assert isinstance(block, Block)
    return block


def text(num: int = 6) -> list[tuple[Tensor, Tensor]]:
    tokens = torch.randint(50, (num, 17), generator=torch.Generator().manual_seed(7))
    return [(tokens[:4, :-1], tokens[:4, 1:]), (tokens[4:, :-1], tokens[4:, 1:])]


def inputs() -> list[Tensor]:
    return [one for one, _ in text()]


def units(formula: str, x_NW: Tensor) -> UnitTally:
    tally = UnitTally(FeedForward(CONFIG.model_copy(update={"ffn_width": 4}), parse(formula)))
    for part in x_NW.chunk(3):
        tally.add(part)
    return tally


@pytest.mark.parametrize("recipe", ["modern", "classic"])
def test_a_branch_that_is_zero_adds_nothing_and_is_worth_nothing(recipe: str) -> None:
    model = made(config=CONFIG.model_copy(update={"recipe": recipe}))
    for parameter in block_of(model, 1).attention.out.parameters():
        parameter.zero_()
    found = {(one.layer, one.branch): one.extra_nats for one in ablations(model, SETUP, text())}
    assert len(found) == 4
    assert not found[1, "attention"].any()
    others = [nats for key, nats in found.items() if key != (1, "attention")]
    assert all(np.abs(nats).max() > 0.01 for nats in others)
    layers, _ = read_layers(model, SETUP, inputs())
    assert (layers[1].attention, layers[1].attention_share) == (0, 0)
    assert 0 < layers[0].attention_share < 1


def test_an_ablation_is_the_loss_of_a_model_without_the_branch() -> None:
    model, without = made(), made()
    block_of(without, 0).ffn.w_out.weight.zero_()
    found = {(one.layer, one.branch): one.extra_nats for one in ablations(model, SETUP, text())}
    expected = window_nats(without, SETUP, text()) - window_nats(model, SETUP, text())
    assert found[0, "feed-forward"] == pytest.approx(expected, abs=1e-4)
    assert expected.shape == (6,)


def test_reading_leaves_the_model_as_it_was() -> None:
    model = made()
    before = model(inputs()[0])
    read_layers(model, SETUP, inputs())
    ablations(model, SETUP, text())
    assert torch.equal(model(inputs()[0]), before)
    hooks = [one for m in model.modules() for one in (*m._forward_hooks, *m._forward_pre_hooks)]
    assert hooks == []


def test_the_stream_is_what_enters_each_block() -> None:
    model = made()
    layers, behind = read_layers(model, SETUP, inputs())
    x = torch.cat([model.embed(tokens, 0, 16) for tokens in inputs()])
    assert layers[0].stream == pytest.approx(float(x.square().mean().sqrt()), rel=1e-5)
    for block, reading in zip(model.blocks, layers, strict=True):
        assert reading.stream == pytest.approx(float(x.square().mean().sqrt()), rel=1e-4)
        x = block(x, Place(0, model.rotation[:, :16]), None)
    assert behind == pytest.approx(float(x.square().mean().sqrt()), rel=1e-4)


def test_the_attention_that_is_read_is_the_models_own() -> None:
    """Queries and keys of zero attend evenly, in the layer that has them."""
    model = made()
    block_of(model, 1).attention.qkv.weight[:16].zero_()
    layers, _ = read_layers(model, SETUP, inputs())
    assert layers[1].heads.entropy == pytest.approx([1, 1])
    assert layers[1].heads.distance == pytest.approx([4, 4])
    assert (layers[0].heads.entropy < 0.999).all()


@pytest.mark.parametrize("heads", [1, 2])
def test_heads_are_read_whichever_code_computes_attention(heads: int) -> None:
    """Compiled attention is used where the width of a head and the length are whole 16s."""
    config = CONFIG.model_copy(update={"dim": 32, "heads": heads})
    model = made(config=config)
    assert fits(torch.zeros(2, 16, 2, heads, 32 // heads))
    layers, _ = read_layers(model, SETUP.model_copy(update={"model": config}), inputs())
    assert [layer.heads.entropy.shape for layer in layers] == [(heads,)] * 2
    assert all(((layer.heads.entropy > 0) & (layer.heads.entropy < 1)).all() for layer in layers)


def test_a_head_that_sees_one_token_has_no_entropy() -> None:
    k_BHTE = 100 * torch.eye(9).expand(1, 1, 9, 9)
    entropy, distance = attention_of(torch.roll(k_BHTE, 1, dims=2), k_BHTE)
    assert entropy.item() == pytest.approx(0, abs=1e-6)
    assert distance.item() == pytest.approx(1)


def test_units_that_never_pass_a_gradient_are_dead_or_saturated() -> None:
    x_NW = torch.randn(600, 4, generator=torch.Generator().manual_seed(0))
    x_NW[:, 0] = -x_NW[:, 0].abs() - 0.1
    relu = units("relu", x_NW).readings()
    assert (relu.units, relu.dead_share, relu.saturated_share) == (4, 0.25, 0)
    assert relu.flat_share == pytest.approx(float((x_NW <= 0).float().mean()))
    x_NW[:, 0] = 9.0
    tanh = units("tanh", x_NW).readings()
    assert (tanh.dead_share, tanh.saturated_share) == (0, 0.25)


def test_how_much_a_curve_is_needed_is_what_no_line_explains() -> None:
    x_NW = torch.randn(100_000, 4, generator=torch.Generator().manual_seed(1))
    relu = 1 - 0.25 / (0.5 - 1 / (2 * pi))
    assert units("relu", x_NW).nonlinear_share() == pytest.approx(relu, abs=0.005)
    assert units("relu", x_NW.abs()).nonlinear_share() == pytest.approx(0, abs=1e-6)
    assert units("square", x_NW).nonlinear_share() == pytest.approx(1, abs=0.01)


def test_a_curve_bends_where_its_slope_changes() -> None:
    def bend(formula: str) -> tuple[float, float] | None:
        return bend_of(FeedForward(CONFIG, parse(formula)))

    assert bend("relu") == pytest.approx((0, 0), abs=0.02)
    assert bend("square") == pytest.approx((-7.2, 7.2), abs=0.05)
    assert bend("x") is None
    low, high = bend("gelu") or (0, 0)
    assert low == pytest.approx(-high, abs=0.02)
    assert 1 < high < 3


def test_quantiles_are_of_the_inputs() -> None:
    x_NW = torch.linspace(-1, 1, 4000).view(-1, 4)
    assert units("gelu", x_NW).readings().inputs == pytest.approx((-0.98, 0, 0.98), abs=0.01)


def test_the_directions_of_a_matrix_are_counted() -> None:
    model = made()
    block_of(model, 0).attention.out.weight.copy_(torch.eye(16))
    block_of(model, 1).attention.out.weight.copy_(torch.outer(torch.ones(16), torch.ones(16)))
    block_of(model, 1).ffn.w_out.weight.zero_()
    found = {one.name: one for one in read_weights(model)}
    assert found["blocks.0.attention.out"].rank_share == pytest.approx(1)
    assert found["blocks.0.attention.out"].rms == pytest.approx(0.25)
    assert found["blocks.1.attention.out"].effective_rank == pytest.approx(1)
    assert found["blocks.1.ffn.w_out"].effective_rank is None
    assert found["embedding"].shape == (50, 16)
    assert len(found) == 9
