"""Every backbone as a model: sizes, causality, states, first values."""

import pytest
import torch

from state.genome import parse
from tests.trainer.backbones.builders import BOTH, RECURRENT, made, setup, shape, tokens
from tests.trainer.counted_flops import counted_in_pytorch
from trainer.backbones.blocks import RecurrentBlock
from trainer.backbones.fusion import Fusion
from trainer.backbones.gpt import GPT
from trainer.backbones.names import MIXINGS, Backbone, list_backbones, mixing_of
from trainer.backbones.shapes import WKV6_CHUNK
from trainer.config import Recipe
from trainer.diagnostics.ablation import component_ablations, shares_of
from trainer.diagnostics.layers import read_layers
from trainer.flops import forward_flops_per_token
from trainer.widths import num_parameters


def test_the_registry_knows_every_name_and_the_nearest_one() -> None:
    assert set(list_backbones()) == set(MIXINGS)
    assert mixing_of("HGF-MH").gate == 0.3
    with pytest.raises(ValueError, match="gf_mh is unknown; did you mean gf-mh"):
        mixing_of("gf_mh")


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("backbone", list_backbones())
@pytest.mark.parametrize("every", [None, 2])
def test_parameters_and_products_are_the_closed_forms(
    recipe: Recipe, backbone: Backbone, every: int | None
) -> None:
    every = None if backbone == "gpt" else every
    config = shape(backbone, recipe=recipe, attention_every=every, block=2 * WKV6_CHUNK)
    genome, model = parse("swiglu"), GPT(config, parse("swiglu"))
    model.initialise(1)
    assert sum(one.numel() for one in model.parameters()) == num_parameters(config, genome)
    with counted_in_pytorch() as counter, torch.no_grad():
        model(tokens(3, config.block))
    found = forward_flops_per_token(config, genome) * 3 * config.block
    assert counter.get_total_flops() == found


@pytest.mark.parametrize("backbone", RECURRENT)
def test_no_position_sees_a_later_one(backbone: Backbone) -> None:
    model, x = made(shape(backbone)), tokens(2, 12)
    changed = x.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 40
    before, after = model(x), model(changed)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-5)
    assert not torch.allclose(before[:, 11], after[:, 11], atol=1e-4)


@pytest.mark.parametrize("backbone", RECURRENT)
@pytest.mark.parametrize("every", [None, 2])
def test_reading_on_from_states_gives_the_logits_of_the_whole(
    backbone: Backbone, every: int | None
) -> None:
    model, x = made(shape(backbone, attention_every=every)), tokens(3, 16)
    logits, cache = model.start(x[:, :5])
    assert torch.allclose(logits, model(x[:, :5])[:, -1], atol=1e-5)
    for end in range(5, 16):
        logits, cache = model.advance(x[:, end], cache)
        assert torch.allclose(logits, model(x[:, : end + 1])[:, -1], atol=1e-5)


@pytest.mark.parametrize(("backbone", "every"), [("gpt", None), ("gf", 2), ("gf", None)])
def test_a_text_that_is_read_in_pieces_is_the_same_text(
    backbone: Backbone, every: int | None
) -> None:
    model, x = made(shape(backbone, attention_every=every)), tokens(3, 16)
    cache, found = model.empty_cache(3), []
    for start, end in [(0, 5), (5, 12), (12, 13), (13, 16)]:
        found.append(model.read(x[:, start:end], cache))
        cache.length = end
    assert torch.allclose(torch.cat(found, dim=1), model.read(x, None), atol=1e-4)


@pytest.mark.parametrize("backbone", ["gf", "rwkv6", "mamba2"])
@pytest.mark.parametrize("split", [1, 2, 7])
def test_a_document_is_read_as_if_nothing_came_before(backbone: Backbone, split: int) -> None:
    """Wherever the text is cut into calls, before the document, behind it, or inside it."""
    model, x = made(shape(backbone)), tokens(1, 16)
    fresh = torch.zeros(1, 16, dtype=torch.bool)
    fresh[0, 5] = True
    cache, found = model.empty_cache(1), []
    for first in range(0, 16, split):
        part = slice(first, first + split)
        found.append(model.read(x[:, part], cache, fresh[:, part]))
        cache.length += x[:, part].shape[1]
    expected = torch.cat([model.read(x[:, :5], None), model.read(x[:, 5:], None)], dim=1)
    assert torch.allclose(torch.cat(found, dim=1), expected, atol=1e-5)


@pytest.mark.parametrize("backbone", RECURRENT)
def test_an_untrained_model_is_nearly_uniform(backbone: Backbone) -> None:
    model = GPT(shape(backbone), parse("gelu"))
    model.initialise(3)
    assert all(one.isfinite().all() for one in model.parameters())
    log_probs = model(tokens(4, 16)).log_softmax(dim=-1)
    entropy = -(log_probs.exp() * log_probs).sum(dim=-1).mean()
    assert entropy > 0.9 * torch.log(torch.tensor(40.0))


@pytest.mark.parametrize("backbone", [one for one in BOTH if MIXINGS[one].fusion in {"gf", "hgf"}])
def test_a_gate_starts_where_its_name_says(backbone: Backbone) -> None:
    model = GPT(shape(backbone), parse("gelu"))
    model.initialise(2)
    for fusion in (one for one in model.modules() if isinstance(one, Fusion)):
        r, m = torch.randn(2, 1, 40, 16, generator=torch.Generator().manual_seed(3)).unbind()
        gate = fusion.weights(r, m).detach()
        assert gate.shape[-1] == (16 if fusion.kind == "hgf" else 1)
        assert float(gate.mean()) == pytest.approx(MIXINGS[backbone].gate, abs=0.01)


def test_the_decays_of_an_untrained_model_spread_as_published() -> None:
    model = GPT(shape("rwkv6", dim=64, layers=4), parse("gelu"))
    model.initialise(1)
    for block in model.own_blocks():
        assert isinstance(block, RecurrentBlock)
        assert block.mixer.rwkv6 is not None
        decay = block.mixer.rwkv6.decay
        assert decay[[0, -1]].tolist() == [-6, -1]
        assert (decay.diff() > 0).all()


@pytest.mark.parametrize("backbone", BOTH)
def test_a_component_that_is_silenced_is_all_that_the_other_lacks(backbone: Backbone) -> None:
    model = made(shape(backbone))
    x = tokens(6, 17)
    pairs = [(x[:4, :-1], x[:4, 1:]), (x[4:, :-1], x[4:, 1:])]
    extra = component_ablations(model, setup(model.config), pairs)
    assert set(extra) == {"rwkv6", "mamba2"}
    assert all(one.shape == (6,) and abs(one).max() > 1e-3 for one in extra.values())
    shares = shares_of({name: float(one.sum()) for name, one in extra.items()})
    assert sum(shares.values()) == pytest.approx(1) or set(shares.values()) == {0}
    with torch.no_grad():
        for block in model.own_blocks():
            block.components()["mamba2"].get_parameter("out.weight").zero_()
    dead = component_ablations(model, setup(model.config), pairs)["mamba2"]
    assert dead == pytest.approx(0)


def test_layers_are_read_with_what_mixes_in_them() -> None:
    model = made(shape("gf", attention_every=2))
    x = tokens(4, 16)
    layers, _ = read_layers(model, setup(model.config), [x])
    assert [one.mixing for one in layers] == ["rwkv6+mamba2", "attention"]
    assert set(layers[0].components) == {"rwkv6", "mamba2"}
    assert [len(one.heads.entropy) for one in layers] == [0, 2]
