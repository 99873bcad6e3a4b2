"""The decoder: sizes, causality, caches, initialisation."""

import pytest
import torch

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.widths import num_parameters

SHAPES = {
    "modern": ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50),
    "classic": ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=50, recipe="classic"),
    "untied": ModelConfig(dim=32, heads=4, layers=3, block=16, vocab_size=50, tied_head=False),
}


def untrained(config: ModelConfig, formula: str = "gelu", seed: int = 1) -> GPT:
    model = GPT(config, parse(formula))
    model.initialise(seed)
    return model.eval()


def perturbed(config: ModelConfig, formula: str = "gelu") -> GPT:
    """Output projections start at zero; move every weight so that all of them matter."""
    model = untrained(config, formula)
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.1)
    return model


def tokens(num_sequences: int, length: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(9)
    return torch.randint(0, 50, (num_sequences, length), generator=stream)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("formula", ["gelu", "swiglu", "0.8*silu(x)*relu(x) + 0.2*x"])
def test_parameters_are_the_closed_form(name: str, formula: str) -> None:
    model = untrained(SHAPES[name], formula)
    found = sum(parameter.numel() for parameter in model.parameters())
    assert found == num_parameters(SHAPES[name], parse(formula))


@pytest.mark.parametrize("name", SHAPES)
def test_no_position_sees_a_later_one(name: str) -> None:
    model, x = perturbed(SHAPES[name]), tokens(2, 12)
    changed = x.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 50
    before, after = model(x), model(changed)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-6)
    assert not torch.allclose(before[:, 7:], after[:, 7:], atol=1e-3)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("formula", ["gelu", "swiglu"])
def test_decoding_with_a_cache_gives_the_logits_of_the_whole_sequence(
    name: str, formula: str
) -> None:
    model, x = perturbed(SHAPES[name], formula), tokens(3, 16)
    logits, cache = model.start(x[:, :5])
    assert torch.allclose(logits, model(x[:, :5])[:, -1], atol=1e-5)
    for end in range(5, 16):
        logits, cache = model.advance(x[:, end], cache)
        assert torch.allclose(logits, model(x[:, : end + 1])[:, -1], atol=1e-5)


def test_positions_beyond_the_context_are_refused() -> None:
    model, x = untrained(SHAPES["modern"]), tokens(1, 17)
    with pytest.raises(ValueError, match="17 tokens do not fit a context of 16; cut the prompt"):
        model(x)
    _, cache = model.start(x[:, :16])
    with pytest.raises(ValueError, match="17 tokens do not fit a context of 16"):
        model.advance(x[:, 16], cache)


@pytest.mark.parametrize("name", SHAPES)
def test_equal_seeds_give_equal_bits_and_others_do_not(name: str) -> None:
    first, second = untrained(SHAPES[name]), untrained(SHAPES[name])
    other = untrained(SHAPES[name], seed=2)
    weights = second.state_dict()
    assert all(torch.equal(tensor, weights[n]) for n, tensor in first.state_dict().items())
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


def test_initialisation_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    model = GPT(SHAPES["modern"], parse("gelu"))
    torch.manual_seed(0)
    model.initialise(1)
    assert torch.equal(torch.rand(3), expected)


def test_models_with_other_activations_share_their_initial_weights() -> None:
    ungated, gated = untrained(SHAPES["modern"], "gelu"), untrained(SHAPES["modern"], "swiglu")
    other = untrained(SHAPES["modern"], "sin(x) + x").state_dict()
    for name, tensor in ungated.state_dict().items():
        assert torch.equal(tensor, other[name])
        if "ffn" not in name:
            assert torch.equal(tensor, gated.state_dict()[name])
    rows = gated.inner_width
    for wide, narrow in zip(ungated.feed_forwards(), gated.feed_forwards(), strict=True):
        assert torch.equal(wide.w_in.weight[:rows], narrow.w_in.weight)


@pytest.mark.parametrize("name", SHAPES)
def test_an_untrained_model_is_nearly_uniform(name: str) -> None:
    probabilities = untrained(SHAPES[name])(tokens(4, 16)).softmax(dim=-1)
    entropy = -(probabilities * probabilities.log()).sum(dim=-1).mean()
    assert entropy > 0.95 * torch.log(torch.tensor(50.0))


def test_modern_logits_stay_within_the_cap() -> None:
    capped = SHAPES["modern"].model_copy(update={"logit_softcap": 2.0})
    model = perturbed(capped)
    with torch.no_grad():
        model.embedding.weight.mul_(100)
    assert model(tokens(2, 8)).abs().max() <= 2.0


def test_dropout_acts_in_training_only() -> None:
    model, x = perturbed(SHAPES["modern"]), tokens(2, 8)
    model.set_dropout(0.5)
    assert torch.equal(model(x), model(x))
    model.train()
    with torch.random.fork_rng():
        assert not torch.equal(model(x), model(x))
