"""Nats of given targets, a group of positions at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from state.genome import parse
from trainer import target_nats as target_nats_module
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig
from trainer.data import IGNORED
from trainer.target_nats import bounded_above, target_nats, told

SHAPE = {"dim": 16, "heads": 2, "layers": 1, "block": 8}


def model_of(cap: float = 15.0, recipe: str = "modern", vocab_size: int = 40) -> GPT:
    config = ModelConfig.model_validate(
        {**SHAPE, "vocab_size": vocab_size, "logit_softcap": cap, "recipe": recipe}
    )
    model = GPT(config, parse("gelu"))
    model.initialise(1)
    with torch.no_grad():
        model.embedding.weight.mul_(60)
    return model.eval()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(1, 50),
    st.integers(2, 300),
    st.sampled_from([None, 0.5, 15.0, 40.0, 200.0]),
    st.sampled_from([0.01, 3.0, 1e4]),
)
def test_bounded_logits_differ_from_the_plain_ones_by_a_number_a_position(
    seed: int, positions: int, vocab_size: int, cap: float | None, spread: float
) -> None:
    stream = torch.Generator().manual_seed(seed)
    raw_GV = torch.randn(positions, vocab_size, generator=stream) * spread
    exact_GV = raw_GV.double()
    plain_GV = exact_GV if cap is None else cap * torch.tanh(exact_GV / cap)
    found_GV = bounded_above(raw_GV, cap)
    assert found_GV.max() <= 0
    expected_GV = plain_GV.log_softmax(dim=1)
    nats_GV = found_GV.double().log_softmax(dim=1)
    assert torch.allclose(nats_GV, expected_GV, rtol=1e-6, atol=1e-6 * (cap or spread))


@pytest.mark.parametrize(("recipe", "cap"), [("modern", 15.0), ("modern", 99.0), ("classic", 15.0)])
@pytest.mark.parametrize("elements", [1, 200, 10**6])
@torch.no_grad()
def test_groups_of_any_size_give_the_cross_entropy_of_every_target(
    monkeypatch: pytest.MonkeyPatch, recipe: str, cap: float, elements: int
) -> None:
    monkeypatch.setattr(target_nats_module, "ELEMENTS_AT_A_TIME", {"cpu": elements})
    model = model_of(cap, recipe)
    tokens_BT = torch.randint(0, 40, (3, 8), generator=torch.Generator().manual_seed(2))
    targets_BT = tokens_BT.roll(1, dims=1)
    targets_BT[0, 5] = IGNORED
    found_BT = target_nats(model, model.read(tokens_BT, None), targets_BT)
    expected_N = F.cross_entropy(
        model(tokens_BT).double().flatten(0, 1),
        targets_BT.flatten(),
        ignore_index=IGNORED,
        reduction="none",
    )
    counted_BT = targets_BT != IGNORED
    expected = expected_N.view(3, 8)[counted_BT].float()
    assert expected.max() > expected.min() + 1
    assert torch.allclose(found_BT[counted_BT], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_distributions_are_those_of_the_nats() -> None:
    model = model_of()
    x_GD = model.read(torch.arange(8)[None], None).flatten(0, 1)
    for token in range(40):
        said = told(model, x_GD, torch.full((8,), token), probs=True)
        assert torch.allclose(said.probs[:, token], torch.exp(-said.nats), rtol=1e-5)
        assert torch.allclose(said.probs.sum(dim=1), torch.ones(8))


@torch.no_grad()
def test_a_logit_that_is_not_finite_shows() -> None:
    model = model_of()
    x_BTD = model.read(torch.arange(8)[None], None)
    x_BTD[0, 3, 0] = float("nan")
    nats_BT = target_nats(model, x_BTD, torch.arange(8)[None])
    assert nats_BT.isnan().tolist() == [[place == 3 for place in range(8)]]
