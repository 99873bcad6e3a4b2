"""Preparing text and measuring models say how far they are, and give the same as without."""

from pathlib import Path

import pytest
import torch

import state.progress
from state.genome import parse
from state.progress import Reporter
from tests.shown_progress import Shown
from trainer.backbones.gpt import GPT
from trainer.config import DataConfig, TokenizerKind, WorkerSetup
from trainer.data import Dataset, prepare
from trainer.demo_corpus import demo_text
from trainer.evaluation import evaluate, evaluate_ensemble


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Everything that is reported, however short it is."""
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.0)
    return Shown()


def model_of(setup: WorkerSetup, seed: int) -> GPT:
    model = GPT(setup.model, parse("gelu"))
    model.initialise(seed)
    return model


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_preparing_a_text_tells_every_step_to_its_end(
    shown: Shown, tmp_path: Path, kind: TokenizerKind
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(demo_text(30_000), encoding="utf-8")
    config = DataConfig(paths=(str(path),), tokenizer=kind)
    silent = prepare(config, tmp_path / "silent", 16)
    manifest = prepare(config, tmp_path / "told", 16, progress=Reporter(shown))
    assert manifest == silent
    whole = ["finding dialogues", "looking for near copies", "dealing out the text"]
    whole += [f"tokenising the {name} split" for name in manifest.splits]
    whole += ["counting words"] if kind == "bpe" else []
    for what in whole:
        last = shown.last(what)
        assert last.unit == "bytes"
        assert last.done == last.total
    for name, split in manifest.splits.items():
        assert shown.last(f"tokenising the {name} split").total == split.num_bytes
    assert shown.last("finding dialogues").total == manifest.num_bytes
    assert "comparing near copies" in shown.names
    assert ("merging tokens" in shown.names) is (kind == "bpe")
    assert shown.told[-1] is None


def test_files_are_told_one_by_one_and_records_line_by_line(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(demo_text(20_000), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n', encoding="utf-8")
    config = DataConfig(paths=(str(tmp_path),), tokenizer="byte")
    prepare(config, tmp_path / "data", 16, progress=Reporter(shown))
    assert (shown.last("reading the text").done, shown.last("reading the text").total) == (2, 2)
    records = [one.done for one in shown.written if one.what == "reading the records"]
    assert records == [1, 2, 3]


def test_an_evaluation_tells_its_windows_and_measures_the_same(
    shown: Shown, setup: WorkerSetup, dataset: Dataset
) -> None:
    model = model_of(setup, 1)
    told = evaluate(model, dataset, "search", 4, Reporter(shown))
    count = dataset.num_windows("search", setup.model.block)
    windows = [*range(4, count, 4), count]
    assert [one.done for one in shown.written] == windows
    assert {(one.what, one.total, one.unit) for one in shown.written} == {
        ("measuring on the search split", count, "windows")
    }
    assert told == evaluate(model, dataset, "search", 4)
    assert shown.told[-1] is None


def test_an_ensemble_tells_its_windows_once(
    shown: Shown, setup: WorkerSetup, dataset: Dataset
) -> None:
    models = [model_of(setup, seed) for seed in (1, 2)]
    told = evaluate_ensemble(models, dataset, "test", 4, Reporter(shown))
    assert shown.last("measuring on the test split").done == dataset.num_windows(
        "test", setup.model.block
    )
    assert told == evaluate_ensemble(models, dataset, "test", 4)


def test_an_evaluation_that_breaks_off_is_not_shown_any_more(
    shown: Shown, setup: WorkerSetup, dataset: Dataset
) -> None:
    model = model_of(setup, 1)
    with torch.no_grad():
        model.embedding.weight.fill_(float("nan"))
    progress = Reporter(shown)
    with pytest.raises(ArithmeticError):
        evaluate(model, dataset, "search", 4, progress)
    assert shown.told[-1] is None
