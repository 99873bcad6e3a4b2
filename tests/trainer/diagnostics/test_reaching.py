"""Texts beyond the block are read as if there were none."""

import numpy as np
import pytest
import torch
from torch import Tensor

from state.genome import parse
from trainer.backbones.gpt import END_OF_TEXT, GPT
from trainer.backbones.names import list_backbones
from trainer.config import ModelConfig, WorkerSetup
from trainer.diagnostics.reaching import in_parts, is_endless, tail_logits
from trainer.diagnostics.state_norms import state_norms

RECURRENT = [name for name in list_backbones() if name != "gpt"]
TEXTS = torch.randint(7, 50, (3, 50), generator=torch.Generator().manual_seed(1))


def made(backbone: str, block: int, **changes: object) -> GPT:
    """Every weight drawn; no parameter of a recurrent backbone depends on the block."""
    shape = {"dim": 32, "heads": 2, "layers": 2, "block": block, "vocab_size": 50}
    config = ModelConfig.model_validate({**shape, "backbone": backbone, **changes})
    model = GPT(config, parse("gelu"))
    stream = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=stream))
    return model.requires_grad_(requires_grad=False).eval()


def setup_of(model: GPT) -> WorkerSetup:
    return WorkerSetup.model_validate({"run_folder": "-", "model": model.config, "optimizer": {}})


@pytest.mark.parametrize("backbone", RECURRENT)
def test_a_text_in_pieces_of_a_block_is_one_text(backbone: str) -> None:
    pieces, whole = made(backbone, 16), made(backbone, 64)
    found = tail_logits(pieces, setup_of(pieces))(TEXTS, 5)
    assert found.shape == (3, 5, 50)
    assert found.numpy() == pytest.approx(whole(TEXTS)[:, -5:].numpy(), abs=2e-4)


def test_attention_ends_with_its_block() -> None:
    mixed = made("gf-mh", 16, attention_every=2)
    for model in (made("gpt", 16), mixed):
        assert not is_endless(model.config)
        with pytest.raises(ValueError, match="50 tokens do not fit a context of 16"):
            tail_logits(model, setup_of(model))(TEXTS, 1)
    assert all(is_endless(made(name, 16).config) for name in RECURRENT)


def test_a_document_empties_the_states_of_who_was_trained_so_unless_told_otherwise() -> None:
    model, plain = made("gf-mh", 16, stateful=True), made("gf-mh", 16)
    texts = TEXTS.clone()
    texts[:, 40] = END_OF_TEXT
    forgets = tail_logits(model, setup_of(model))(texts, 1)
    alone = tail_logits(model, setup_of(model))(texts[:, 40:], 1)
    assert forgets.numpy() == pytest.approx(alone.numpy(), abs=1e-5)
    holds = tail_logits(model, setup_of(model), one_document=True)(texts, 1)
    plainly = tail_logits(plain, setup_of(plain))(texts, 1)
    assert holds.numpy() == pytest.approx(plainly.numpy(), abs=1e-5)
    assert float((holds - forgets).abs().max()) > 0.01


def test_where_memory_is_short_fewer_rows_are_read_at_once() -> None:
    asked: list[int] = []

    def ask(rows: Tensor) -> Tensor:
        asked.append(len(rows))
        if len(rows) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return rows.sum(dim=1)

    assert in_parts(ask, TEXTS.repeat(3, 1), 100).tolist() == TEXTS.sum(dim=1).tolist() * 3
    assert asked[:3] == [9, 4, 2]

    def never(rows: Tensor) -> Tensor:
        raise MemoryError

    with pytest.raises(MemoryError, match="50 tokens do not fit into memory"):
        in_parts(never, TEXTS, 2)


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    def broken(rows: Tensor) -> Tensor:
        raise RuntimeError("shapes do not agree")

    with pytest.raises(RuntimeError, match="do not agree"):
        in_parts(broken, TEXTS, 2)


@pytest.mark.parametrize("changes", [{}, {"attention_every": 2}, {"stateful": True}])
def test_states_are_those_of_a_text_that_is_read_at_once(changes: dict[str, object]) -> None:
    whole = made("hgf", 64, **changes)
    texts = TEXTS.numpy().copy()
    texts[:, 9] = END_OF_TEXT
    pieces = made("hgf", 64 if "attention_every" in changes else 16, **changes)
    found = state_norms(pieces, setup_of(pieces), texts, [8, 16, 50])
    layers = [0] if "attention_every" in changes else [0, 1]
    assert [(one.layer, one.component) for one in found] == [
        (layer, name) for layer in layers for name in ("rwkv6", "mamba2")
    ]
    for one in found:
        for length, rms in zip(one.lengths, one.rms, strict=True):
            past = whole.empty_cache(3)
            read = torch.from_numpy(texts[:, :length])
            whole.read(read, past, torch.zeros_like(read, dtype=torch.bool))
            state = past.states()[f"{one.layer}.{one.component}.matrix"]
            expected = state.square().flatten(1).mean(dim=1).sqrt().numpy()
            assert rms == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("exponent", "growth"), [(-20.0, 8.0), (4.4, 1.0)])
def test_a_state_that_never_forgets_grows_with_the_text(exponent: float, growth: float) -> None:
    model = made("rwkv6", 16, layers=1)
    mixer = model.own_blocks()[0].mixing[1].get_submodule("rwkv6")
    for name, parameter in mixer.named_parameters():
        if name.startswith("decay"):
            parameter.fill_(exponent if name == "decay" else 0.0)
    same = np.full((2, 64), 7)
    (found,) = state_norms(model, setup_of(model), same, [8, 64])
    # The first token has none before it, and its shift is another.
    assert found.rms[1] / found.rms[0] == pytest.approx(growth, rel=0.2)


def test_attention_has_no_states() -> None:
    model = made("gpt", 16)
    assert state_norms(model, setup_of(model), TEXTS.numpy(), [8, 16]) == []
