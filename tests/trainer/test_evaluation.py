"""Measuring models over whole splits."""

from math import log

import pytest
import torch

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.data import IGNORED, Dataset
from trainer.evaluation import evaluate, evaluate_ensemble


def model_of(setup: WorkerSetup, seed: int, sharpness: float = 8.0) -> GPT:
    model = GPT(setup.model, parse("gelu"))
    model.initialise(seed)
    with torch.no_grad():
        model.embedding.weight.mul_(sharpness)
    return model


def test_every_target_of_the_split_counts_once(setup: WorkerSetup, dataset: Dataset) -> None:
    measured = evaluate(model_of(setup, 1), dataset, "search", 4)
    split = dataset.manifest.splits["search"]
    assert measured.tokens == split.tokens - 1
    assert measured.num_bytes == split.num_bytes
    assert measured.nats == pytest.approx(sum(nats for nats, _ in measured.blocks))
    assert sum(num_bytes for _, num_bytes in measured.blocks) == measured.num_bytes
    assert len(measured.blocks) == min(64, dataset.num_windows("search", setup.model.block))


def test_the_loss_is_the_one_computed_window_by_window(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model, nats = model_of(setup, 1), 0.0
    for window in dataset.windows("search", setup.model.block):
        logits = model(torch.from_numpy(window.inputs)).detach()[0].double()
        for position, target in enumerate(window.targets[0]):
            if target != IGNORED:
                nats -= float(logits[position].log_softmax(-1)[target])
    assert evaluate(model, dataset, "search", 3).nats == pytest.approx(nats, rel=1e-6)


def test_many_windows_are_gathered_into_64_blocks(setup: WorkerSetup, dataset: Dataset) -> None:
    measured = evaluate(model_of(setup, 1), dataset, "train", 16)
    assert dataset.num_windows("train", setup.model.block) > 64
    assert len(measured.blocks) == 64


def test_the_batch_size_changes_rounding_only(setup: WorkerSetup, dataset: Dataset) -> None:
    model = model_of(setup, 1)
    few, many = (evaluate(model, dataset, "search", batch) for batch in (1, 7))
    assert few.nats == pytest.approx(many.nats, rel=1e-6)
    assert few == evaluate(model, dataset, "search", 1)


def test_a_model_is_measured_without_dropout_and_left_in_training(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model = model_of(setup, 1).train()
    model.set_dropout(0.5)
    first, second = (evaluate(model, dataset, "search", 4) for _ in range(2))
    assert first == second
    assert model.training


def test_an_untrained_model_knows_nothing(setup: WorkerSetup, dataset: Dataset) -> None:
    measured = evaluate(model_of(setup, 1, sharpness=1e-6), dataset, "search", 4)
    assert measured.nats_per_token == pytest.approx(log(setup.model.vocab_size), rel=1e-4)


def test_an_ensemble_of_one_is_that_model(setup: WorkerSetup, dataset: Dataset) -> None:
    model = model_of(setup, 1)
    alone = evaluate(model, dataset, "search", 8)
    ensemble, members, disagreement = evaluate_ensemble([model], dataset, "search")
    assert members == (alone,)
    assert ensemble.nats == pytest.approx(alone.nats, rel=1e-5)
    assert disagreement == 0


def test_equal_models_do_not_disagree(setup: WorkerSetup, dataset: Dataset) -> None:
    models = [model_of(setup, 1), model_of(setup, 1)]
    assert evaluate_ensemble(models, dataset, "search")[2] == 0


def test_an_ensemble_is_no_worse_than_its_members_on_average(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    models = [model_of(setup, seed) for seed in (1, 2, 3)]
    ensemble, members, disagreement = evaluate_ensemble(models, dataset, "search")
    assert ensemble.nats < sum(member.nats for member in members) / 3
    assert 0.05 < disagreement < 1


def test_models_that_are_certain_of_different_tokens_disagree_fully() -> None:
    from trainer.evaluation import total_variation

    certain = torch.eye(4)[torch.tensor([[0, 1], [2, 2]])][:, None]
    counted = torch.tensor([[True, True]])
    assert total_variation(certain, counted) == 2
    assert total_variation(certain, torch.tensor([[True, False]])) == 1
