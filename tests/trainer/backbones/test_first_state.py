"""States that documents begin with, trained or empty."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from state.genome import parse
from tests.trainer.backbones.builders import made, setup, shape, tokens, trained
from trainer.backbones.gpt import GPT
from trainer.backbones.names import Backbone
from trainer.checkpoint import decode, encode
from trainer.config import ModelConfig
from trainer.member import Member
from trainer.widths import num_parameters

GELU = parse("gelu")
BACKBONES: tuple[Backbone, ...] = ("gf", "rwkv6", "mamba2")


def first_states(model: GPT) -> list[Tensor]:
    return [one for name, one in model.named_parameters() if name.endswith("first_state")]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_new_model_computes_what_one_with_empty_states_does(backbone: Backbone) -> None:
    learned, plain = (GPT(shape(backbone, learned_state=one), GELU) for one in (True, False))
    for model in (learned, plain):
        model.initialise(1)
    x = tokens(3, 16)
    assert torch.equal(learned(x), plain(x))
    config = learned.config
    assert sum(one.numel() for one in learned.parameters()) == num_parameters(config, GELU)
    assert len(first_states(learned)) == config.layers * (2 if backbone == "gf" else 1)
    assert not first_states(plain)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_training_moves_it_and_a_stored_member_goes_on(backbone: Backbone) -> None:
    config = shape(backbone, learned_state=True)
    whole, half = (Member.create(setup(config), GELU, seed=1) for _ in range(2))
    trained(whole, 6)
    trained(half, 3)
    restored = Member.from_checkpoint(half.setup, decode(encode(half.checkpoint()), GELU, config))
    trained(restored, 3, first=3)
    assert encode(restored.checkpoint()) == encode(whole.checkpoint())
    assert all(float(one.detach().abs().max()) > 0 for one in first_states(whole.model))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("split", [1, 2, 7, 16])
def test_a_document_that_begins_inside_a_window_begins_with_it(
    backbone: Backbone, split: int
) -> None:
    """Two documents begin, wherever the text is cut into calls: values, gradients and states."""
    model, x = made(shape(backbone, learned_state=True)), tokens(2, 16)
    fresh = torch.zeros(2, 16, dtype=torch.bool)
    fresh[:, 5] = fresh[0, 9] = True
    cache, found = model.empty_cache(2), []
    for first in range(0, 16, split):
        part = slice(first, first + split)
        found.append(model.read(x[:, part], cache, fresh[:, part]))
        cache.length += x[:, part].shape[1]
    pieces = [read(model, x[:1], 0, 5, 9, 16), read(model, x[1:], 0, 5, 16)]
    expected = torch.cat(pieces)
    assert torch.allclose(torch.cat(found, dim=1), expected, atol=2e-5)
    wanted = gradients(model, expected)
    for one, other in zip(gradients(model, torch.cat(found, dim=1)), wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-4 * float(other.detach().abs().max()) + 1e-6)


def read(model: GPT, x: Tensor, *cuts: int) -> Tensor:
    """Every piece by itself."""
    return torch.cat([model.read(x[:, a:b], None) for a, b in pairwise(cuts)], dim=1)


def gradients(model: GPT, y: Tensor) -> list[Tensor]:
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    return list(torch.autograd.grad((y * weights).sum(), first_states(model), retain_graph=True))


def test_attention_has_no_states_and_a_plain_checkpoint_says_nothing_of_them() -> None:
    with pytest.raises(ValueError, match="gpt has no states; leave it out"):
        ModelConfig(learned_state=True)
    member = Member.create(setup(shape("gf")), GELU, seed=1)
    data = encode(member.checkpoint())
    assert b"learned_state" not in data
    with pytest.raises(ValueError, match="checkpoint has learned_state False"):
        decode(data, GELU, shape("gf", learned_state=True))
    learned = Member.create(setup(shape("gf", learned_state=True)), GELU, seed=1)
    decode(encode(learned.checkpoint()), GELU, learned.setup.model)
