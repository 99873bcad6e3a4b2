"""What context is worth, on models of which that is known."""

from contextlib import ExitStack
from math import log

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig, WorkerSetup
from trainer.data import Dataset
from trainer.diagnostics.ablation import branches_of
from trainer.diagnostics.contexts import (
    context_losses,
    doubling_lengths,
    first_token_influence,
    last_logits,
    target_places,
)
from trainer.diagnostics.layers import silenced
from trainer.diagnostics.token_losses import read_split
from trainer.evaluation import evaluate

VOCAB, LENGTHS = 11, (1, 2, 4, 8)
STREAM = np.random.default_rng(0).integers(VOCAB, size=400)
PLACES = target_places(len(STREAM), 8, 50)


def bigram(tokens_BT: Tensor) -> Tensor:
    """Knows the last token alone."""
    table = torch.randn(VOCAB, VOCAB, generator=torch.Generator().manual_seed(1))
    return table[tokens_BT[:, -1]]


def first_of_all(tokens_BT: Tensor) -> Tensor:
    """Sure of the token that the context begins with."""
    return 50.0 * torch.nn.functional.one_hot(tokens_BT[:, 0], VOCAB).float()


def random_model(setup: WorkerSetup) -> GPT:
    model = GPT(setup.model, parse("gelu"))
    stream = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=stream))
    return model.eval()


def test_a_bigram_model_gains_nothing_from_context_beyond_one_token() -> None:
    read = context_losses(bigram, STREAM, LENGTHS, PLACES)
    assert (read.nats == read.nats[0]).all()
    assert read.nats[0].std() > 0
    assert read.targets.tolist() == STREAM[PLACES].tolist()


def test_the_last_tokens_before_the_target_are_the_context() -> None:
    def needs(length: int) -> NDArray[np.float64]:
        def logits(tokens_BT: Tensor) -> Tensor:
            back = tokens_BT[:, -length] if tokens_BT.shape[1] >= length else tokens_BT[:, 0] * 0
            return 50.0 * torch.nn.functional.one_hot((back + 1) % VOCAB, VOCAB).float()

        nats: NDArray[np.float64] = context_losses(logits, periodic, LENGTHS, PLACES).nats
        return np.asarray(nats.mean(axis=1))

    periodic = np.arange(400) // 4 % VOCAB
    short, _, at_four, longer = needs(4)
    assert at_four == pytest.approx(0, abs=1e-9)
    assert longer == at_four
    assert short > 10


def test_a_real_model_without_attention_reads_one_token(setup: WorkerSetup) -> None:
    model = random_model(setup)
    stream = STREAM % setup.model.vocab_size
    whole = context_losses(last_logits(model, setup), stream, LENGTHS, PLACES)
    assert np.abs(whole.nats[-1] - whole.nats[0]).max() > 0.1
    with ExitStack() as silence:
        for _, branch, module in branches_of(model):
            if branch == "attention":
                silence.enter_context(silenced(module))
        deaf = context_losses(last_logits(model, setup), stream, LENGTHS, PLACES)
    assert deaf.nats == pytest.approx(np.tile(deaf.nats[0], (4, 1)), abs=1e-4)


def test_the_longest_context_is_what_an_evaluation_reads(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model, block = random_model(setup), setup.model.block
    stream = np.asarray(dataset.tokens("search")).astype(np.int64)
    read = read_split(model, dataset, "search", setup)
    ends = read.positions == block - 1
    places = (read.windows[ends] + 1) * block
    again = context_losses(last_logits(model, setup), stream, (block,), places)
    assert again.nats[0] == pytest.approx(read.nats[ends], abs=1e-4)


def test_another_first_token_changes_only_what_can_see_it() -> None:
    rng = np.random.default_rng(2)
    far = first_token_influence(bigram, STREAM, 4, PLACES, rng)
    assert not far.distance.any()
    assert not far.loss_change.any()
    seen = first_token_influence(first_of_all, STREAM, 4, PLACES, rng)
    assert set(seen.distance.round(6)) == {0.0, 1.0}
    same = np.mean(seen.distance < 0.5)
    assert 0 < same < 0.3


def test_lengths_double_up_to_the_block() -> None:
    assert doubling_lengths(128) == (1, 2, 4, 8, 16, 32, 64, 128)
    assert doubling_lengths(96) == (1, 2, 4, 8, 16, 32, 64, 96)
    assert doubling_lengths(2) == (1, 2)


def test_every_target_has_a_whole_block_before_it() -> None:
    places = target_places(20, 8, 100)
    assert places.tolist() == list(range(8, 20))
    assert target_places(9, 8, 5).tolist() == [8]


def test_the_pass_over_a_split_adds_up_to_its_evaluation(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model = random_model(setup)
    found = evaluate(model, dataset, "search", 4)
    read = read_split(model, dataset, "search", setup)
    assert read.nats.sum() == pytest.approx(found.nats, rel=1e-6)
    assert (len(read.nats), read.num_bytes.sum()) == (found.tokens, found.num_bytes)
    stream = np.asarray(dataset.tokens("search"))
    assert read.tokens.tolist() == stream[1:].tolist()
    part = read_split(model, dataset, "search", setup, max_windows=3)
    assert len(set(part.windows.tolist())) == 3
    assert part.windows[0] == 0


def test_a_model_without_an_opinion_has_the_entropy_of_the_vocabulary(dataset: Dataset) -> None:
    vocab = dataset.manifest.vocab_size
    config = ModelConfig(dim=16, heads=2, layers=1, block=16, vocab_size=vocab, tied_head=False)
    model = GPT(config, parse("gelu"))
    model.initialise(0)
    setup = WorkerSetup.model_validate({"run_folder": "-", "model": config, "optimizer": {}})
    read = read_split(model.eval(), dataset, "search", setup)
    assert read.entropy == pytest.approx(log(vocab), rel=1e-5)
    assert read.nats == pytest.approx(log(vocab), rel=1e-5)
    assert read.confidence == pytest.approx(1 / vocab, rel=1e-5)
