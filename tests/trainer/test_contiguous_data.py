"""Prepared data without a test split, as other programs cut it, and with another's tokenizer."""

from pathlib import Path

import pytest

from trainer.config import DataConfig
from trainer.data import Dataset, prepare
from trainer.demo_corpus import demo_text
from trainer.manifest import DatasetManifest

TEXT = demo_text(30_000).replace("<|", "[").replace("|>", "]")


def prepared(
    root: Path, text: str = TEXT, split: str = "contiguous:0.9,0.1,0", block: int = 32
) -> tuple[DatasetManifest, Dataset]:
    (root / "text.txt").write_text(text, encoding="utf-8")
    settings = {"paths": (str(root / "text.txt"),), "tokenizer": "char", "split": split}
    manifest = prepare(DataConfig.model_validate(settings), root / "data", block)
    return manifest, Dataset(root / "data")


def test_train_is_the_first_nine_tenths_of_the_characters_and_search_the_whole_rest(
    tmp_path: Path,
) -> None:
    long = TEXT * 25
    manifest, dataset = prepared(tmp_path, long)
    cut = int(0.9 * len(long))
    assert dataset.text("train") == long[:cut]
    assert dataset.text("search") == long[cut:]
    assert manifest.splits["search"].num_bytes > DataConfig().search_bytes


def test_without_a_share_there_is_no_test_split_on_disk_or_in_the_manifest(tmp_path: Path) -> None:
    manifest, dataset = prepared(tmp_path)
    assert set(manifest.splits) == {"train", "search"}
    assert not (dataset.folder / "test.bin").exists()
    three, _ = prepared(tmp_path, split="contiguous:0.8,0.1,0.1")
    assert set(three.splits) == {"train", "search", "test"}


def test_characters_that_only_the_search_split_has_come_back_from_their_bytes(
    tmp_path: Path,
) -> None:
    text = "é" + TEXT + "ζ👋 at the very end"
    manifest, dataset = prepared(tmp_path, text)
    assert manifest.vocab_size == 263 + 1, "é alone was learnt"
    found = dataset.tokenizer.decode(dataset.tokens("search")[1:])
    assert found == dataset.text("search")
    assert found.endswith("ζ👋 at the very end")


def test_a_part_that_holds_no_window_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokens for search, and a block of 32 needs 33"):
        prepared(tmp_path, split="contiguous:0.9995,0.0005,0")


def test_a_given_tokenizer_is_used_and_is_part_of_what_the_data_are(tmp_path: Path) -> None:
    first, _ = prepared(tmp_path, "é" + TEXT)
    other = DataConfig(paths=(str(tmp_path / "other.txt"),), tokenizer="byte")
    (tmp_path / "other.txt").write_text(TEXT[::-1], encoding="utf-8")
    given = tmp_path / "data" / "tokenizer.json"
    second = prepare(other, tmp_path / "second", 32, given)
    assert (second.tokenizer, second.vocab_size) == ("char", first.vocab_size)
    assert second.tokenizer_sha256 == first.tokenizer_sha256
    assert prepare(other, tmp_path / "third", 32).inputs_sha256 != second.inputs_sha256
