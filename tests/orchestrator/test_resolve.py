"""What is filled in when the user leaves it open."""

from pathlib import Path

import pytest

from orchestrator.config import RunConfig
from orchestrator.resolve import resolve_data, resolve_shape
from orchestrator.settings import build_config
from orchestrator.sizing import choose_size
from trainer.config import DataConfig
from trainer.data import prepare
from trainer.demo_corpus import write_demo_corpus
from trainer.manifest import DatasetManifest


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> DatasetManifest:
    folder = tmp_path_factory.mktemp("resolve")
    write_demo_corpus(folder / "demo.txt", 60_000)
    return prepare(DataConfig(paths=(str(folder / "demo.txt"),)), folder / "data", 32)


def resolved(manifest: DatasetManifest, **settings: object) -> RunConfig:
    config = build_config({"engine": {"device": "cpu"}, **settings}, environment={})  # type: ignore[dict-item]
    return resolve_data(resolve_shape(config, manifest.num_bytes).config, manifest)


def test_a_text_that_is_seen_often_gets_dropout_and_one_seen_a_few_times_none(
    manifest: DatasetManifest,
) -> None:
    small = {"block": 32}
    few = resolved(manifest, budget=60, model=small)
    many = resolved(manifest, budget=20_000, model=small)
    assert (few.model.dropout, few.host.control_dropout) == (0.0, 0.0)
    assert (many.model.dropout, many.host.control_dropout) == (0.1, 0.1)


def test_a_control_may_need_dropout_where_the_host_needs_none(manifest: DatasetManifest) -> None:
    tokens = manifest.splits["train"].tokens
    budget = int(25 * tokens / (16 * 32))
    config = resolved(manifest, budget=budget, model={"block": 32})
    assert (config.model.dropout, config.host.control_dropout) == (0.0, 0.1)


def test_a_given_dropout_is_kept_for_both(manifest: DatasetManifest) -> None:
    config = resolved(manifest, budget=20_000, model={"block": 32, "dropout": 0.3})
    assert (config.model.dropout, config.host.control_dropout) == (0.3, 0.3)


def test_nothing_stays_open(manifest: DatasetManifest) -> None:
    config = resolved(manifest, model={"block": 32})
    assert config.engine.workers is not None
    assert config.engine.host_threads is not None
    assert config.optimizer.warmup is not None
    assert config.data.domain == "chat"
    assert config.model.vocab_size == manifest.vocab_size


def test_muon_follows_a_given_learning_rate(manifest: DatasetManifest) -> None:
    default = resolved(manifest, model={"block": 32}).optimizer
    halved = resolved(manifest, model={"block": 32}, optimizer={"lr": default.lr / 2}).optimizer
    assert halved.muon_lr == pytest.approx(default.muon_lr / 2)


@pytest.mark.parametrize(
    ("num_bytes", "device", "name"),
    [
        (50_000, "cuda", "tiny"),
        (543_152, "cpu", "tiny"),
        (2_100_019, "cpu", "small"),
        (543_152, "cuda", "medium"),
        (10**9, "cuda", "large"),
    ],
)
def test_auto_picks_by_device_and_corpus_and_says_why(
    num_bytes: int, device: str, name: str
) -> None:
    choice = choose_size("auto", device=device, corpus_bytes=num_bytes)
    assert choice.name == name
    assert "MB of text" in choice.reason


def test_aliases_name_sizes() -> None:
    assert choose_size("5M", device="cpu", corpus_bytes=1).name == "small"
    with pytest.raises(ValueError, match="--model giant is unknown; choose one of auto, tiny"):
        choose_size("giant", device="cpu", corpus_bytes=1)


def test_a_missing_corpus_is_refused_before_anything_else(tmp_path: Path) -> None:
    from orchestrator.resolve import corpus_bytes

    with pytest.raises(ValueError, match="does not exist; give --data"):
        corpus_bytes((str(tmp_path / "absent.txt"),))
