"""Prepared data: complete or absent, reused when the same, and read without losing a byte."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.durable import Operation, intercepted
from state.records import Split
from state.tasks import BatchKey
from tests.stretched import by_split
from trainer.config import DataConfig, TokenizerKind
from trainer.corpus import read_corpus
from trainer.data import IGNORED, SPLITS, Dataset, prepare
from trainer.demo_corpus import demo_text
from trainer.manifest import damaged_files, read_manifest
from trainer.splits import held_out, split_corpus

KINDS: tuple[TokenizerKind, ...] = ("byte", "char", "bpe")
KEY = BatchKey(seed=1, lineage=2, generation=3, purpose="search")
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder for each tokenizer, of a text with characters of one to four bytes."""
    root = tmp_path_factory.mktemp("data")
    text = demo_text(40_000).replace("Ada", "Zoë 👋").replace("coins", "€")
    (root / "text.txt").write_text(text, encoding="utf-8")
    for kind in KINDS:
        config = DataConfig(paths=(str(root / "text.txt"),), tokenizer=kind, vocab_size=400)
        prepare(config, root / kind, block=32)
    return root


def configure(folder: Path, text: str, **settings: float | str) -> DataConfig:
    path = folder / "text.txt"
    path.write_text(text, encoding="utf-8")
    return DataConfig.model_validate({"paths": (str(path),), "tokenizer": "byte", **settings})


def mtimes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@each_kind
def test_the_manifest_counts_what_the_files_hold(folder: Path, kind: TokenizerKind) -> None:
    dataset = Dataset(folder / kind)
    manifest = dataset.manifest
    raw = (folder / "text.txt").read_bytes()
    assert (manifest.domain, manifest.tokenizer, manifest.num_bytes) == ("chat", kind, len(raw))
    assert damaged_files(manifest, folder / kind) == []
    assert sum(split.num_bytes for split in manifest.splits.values()) == len(raw)
    assert manifest.vocab_size == dataset.tokenizer.vocab_size
    for name in SPLITS:
        split = manifest.splits[name]
        tokens = dataset.tokens(name)
        assert tokens.dtype == np.dtype("<u2")
        assert len(tokens) == split.tokens
        assert len(dataset.documents(name)) == split.documents
        assert len(dataset.text(name).encode()) == split.num_bytes
        assert tokens[0] == dataset.tokenizer.end_of_text_id
        assert dataset.tokenizer.decode(tokens[1:]) == dataset.text(name)


@each_kind
def test_the_documents_are_those_of_the_split(folder: Path, kind: TokenizerKind) -> None:
    splits = by_split(split_corpus(read_corpus([str(folder / "text.txt")]), 0.1, 0.1))
    dataset = Dataset(folder / kind)
    assert {name: dataset.documents(name) for name in SPLITS} == splits


@pytest.mark.parametrize("block", [1, 8, 33, 128, 100_000])
@pytest.mark.parametrize("split", SPLITS)
@each_kind
def test_windows_tile_the_split_and_account_for_every_byte(
    folder: Path, kind: TokenizerKind, split: Split, block: int
) -> None:
    dataset = Dataset(folder / kind)
    windows = list(dataset.windows(split, block, batch=16))
    inputs, targets = (
        np.concatenate([getattr(part, name) for part in windows]) for name in ("inputs", "targets")
    )
    tokens = dataset.tokens(split)
    assert inputs.shape == targets.shape == (dataset.num_windows(split, block), block)
    assert inputs.dtype == targets.dtype == np.int64
    real = targets.ravel() != IGNORED
    assert real.sum() == len(tokens) - 1
    assert real[: len(tokens) - 1].all()
    np.testing.assert_array_equal(inputs.ravel()[real], tokens[:-1])
    np.testing.assert_array_equal(targets.ravel()[real], tokens[1:])
    assert (inputs.ravel()[~real] == dataset.tokenizer.control_ids["pad"]).all()
    num_bytes = np.concatenate([part.num_bytes for part in windows])
    assert num_bytes.sum() == dataset.manifest.splits[split].num_bytes
    first = targets[0][targets[0] != IGNORED]
    assert num_bytes[0] == len(dataset.tokenizer.token_bytes(first))


@given(step=st.integers(0, 10**6), batch=st.integers(1, 8), block=st.integers(1, 64))
@settings(max_examples=40, deadline=None)
def test_a_batch_is_a_stretch_of_train_and_a_function_of_key_and_step(
    folder: Path, step: int, batch: int, block: int
) -> None:
    dataset = Dataset(folder / "bpe")
    inputs, targets = dataset.batch(KEY, step, batch, block)
    assert inputs.shape == targets.shape == (batch, block)
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    again, _ = Dataset(folder / "bpe").batch(KEY, step, batch, block)
    np.testing.assert_array_equal(inputs, again)
    stream = dataset.tokens("train").tobytes()
    row = np.append(inputs[0], targets[0, -1]).astype("<u2").tobytes()
    assert row in stream


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"lineage": 3}, {"generation": 4}, {"purpose": "train"}]
)
def test_every_part_of_the_key_changes_the_batch(folder: Path, other: dict[str, int | str]) -> None:
    dataset = Dataset(folder / "bpe")
    changed, _ = dataset.batch(KEY.model_copy(update=other), 1, 8, 32)
    assert not np.array_equal(dataset.batch(KEY, 1, 8, 32)[0], changed)
    assert not np.array_equal(dataset.batch(KEY, 1, 8, 32)[0], dataset.batch(KEY, 2, 8, 32)[0])


def test_batches_reach_both_ends_of_the_train_split(folder: Path) -> None:
    dataset = Dataset(folder / "bpe")
    tokens = np.asarray(dataset.tokens("train"))
    block = len(tokens) - 3
    starts = {
        int(np.flatnonzero((tokens[: 3] == row[0]) & (tokens[1:4] == row[1]))[0])
        for row in dataset.batch(KEY, 1, 64, block)[0]
    }  # fmt: skip
    assert starts == {0, 1, 2}


def test_the_same_inputs_are_not_prepared_again(tmp_path: Path) -> None:
    config = configure(tmp_path, demo_text(20_000))
    first = prepare(config, tmp_path / "data", 32)
    before = mtimes(tmp_path / "data")
    copy = tmp_path / "copy.txt"
    copy.write_bytes((tmp_path / "text.txt").read_bytes())
    assert (
        prepare(config.model_copy(update={"paths": (str(copy),)}), tmp_path / "data", 16) == first
    )
    assert mtimes(tmp_path / "data") == before


@pytest.mark.parametrize("change", ["text", "setting", "damage", "missing"])
def test_anything_else_is_prepared_again_whole(tmp_path: Path, change: str) -> None:
    data = tmp_path / "data"
    config = configure(tmp_path, demo_text(20_000))
    first = prepare(config, data, 32)
    match change:
        case "text":
            config = configure(tmp_path, demo_text(20_000, seed=1))
        case "setting":
            config = config.model_copy(update={"test_fraction": 0.2})
        case "damage":
            content = bytearray((data / "test.bin").read_bytes())
            content[10] ^= 1
            (data / "test.bin").write_bytes(content)
        case _:
            (data / "tokenizer.json").unlink()
    second = prepare(config, data, 32)
    assert damaged_files(second, data) == []
    assert (second == first) == (change in {"damage", "missing"})
    assert read_manifest(data) == second


def test_two_folders_of_the_same_text_hold_the_same_bytes(tmp_path: Path) -> None:
    config = configure(tmp_path, demo_text(20_000), tokenizer="bpe")
    for name in ("a", "b"):
        prepare(config, tmp_path / name, 32)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


class Killed(BaseException):
    """Stands for the end of the process."""


def killing_after(num_operations: int) -> Callable[[Operation, Path], None]:
    left = iter(range(num_operations))

    def kill(operation: Operation, path: Path) -> None:
        if next(left, None) is None:
            raise Killed

    return kill


def survives(config: DataConfig, folder: Path, num_operations: int) -> bool:
    try:
        with intercepted(killing_after(num_operations)):
            prepare(config, folder, 32)
    except Killed:
        return False
    return True


def test_a_crash_at_any_moment_leaves_no_half_prepared_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    old = configure(tmp_path, demo_text(20_000, seed=1))
    new = old.model_copy(update={"test_fraction": 0.2})
    crashes = 0
    prepare(old, data, 32)
    while not survives(new, data, crashes):
        crashes += 1
        if (data / "manifest.json").exists():
            assert damaged_files(read_manifest(data), data) == []
        else:
            with pytest.raises(ValueError, match="holds no prepared data; prepare it again"):
                Dataset(data)
        prepare(old, data, 32)
    assert crashes > 10
    assert damaged_files(read_manifest(data), data) == []


def test_a_corpus_too_short_for_the_block_is_refused_with_numbers_that_help(tmp_path: Path) -> None:
    config = configure(tmp_path, demo_text(20_000))
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refusal:
        prepare(config, tmp_path / "data", 4096)
    message = str(refusal.value)
    assert "bytes of text leave" in message
    assert "a block of 4096 needs 4,097; use --block" in message
    assert not (tmp_path / "data" / "manifest.json").exists()
    block = int(message.split("--block ")[1].split()[0])
    enough = int(message.split("about ")[1].split()[0].replace(",", ""))
    prepare(config, tmp_path / "data", block)
    with pytest.raises(ValueError, match=f"block of {block + 1} needs"):
        prepare(config, tmp_path / "data", block + 1)
    prepare(configure(tmp_path, demo_text(enough)), tmp_path / "data", 4096)


def test_a_corpus_of_one_short_line_is_refused_without_suggesting_a_block(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokens for train, .* needs 256; give about"):
        prepare(configure(tmp_path, "hello world"), tmp_path / "data", 32)


def test_running_text_is_prepared_in_blocks(tmp_path: Path) -> None:
    text = demo_text(60_000).replace("<|", "[").replace("|>", "]").replace(". ", ".\n")
    manifest = prepare(configure(tmp_path, text), tmp_path / "data", 64)
    assert manifest.domain == "text"
    assert sum(split.documents for split in manifest.splits.values()) > 20
    assert manifest.splits["test"].num_bytes == pytest.approx(6000, rel=0.2)


def test_a_vocabulary_beyond_sixteen_bits_is_stored_in_four_bytes(tmp_path: Path) -> None:
    characters = [chr(code) for code in range(0x20000, 0x20000 + 100_000)]
    text = "\n".join("".join(characters[i : i + 100]) for i in range(0, 100_000, 100))
    manifest = prepare(configure(tmp_path, text * 2, tokenizer="char"), tmp_path / "data", 64)
    assert manifest.vocab_size > 2**16
    dataset = Dataset(tmp_path / "data")
    assert dataset.tokens("train").dtype == np.dtype("<u4")
    assert dataset.tokenizer.decode(dataset.tokens("test")[1:]) == dataset.text("test")


def test_a_truncated_token_file_is_refused(tmp_path: Path) -> None:
    prepare(configure(tmp_path, demo_text(20_000)), tmp_path / "data", 32)
    (tmp_path / "data" / "test.bin").write_bytes(b"\0\0")
    with pytest.raises(ValueError, match=r"test\.bin is not [\d,]+ tokens long; prepare it again"):
        Dataset(tmp_path / "data").tokens("test")


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    manifest = prepare(configure(tmp_path, demo_text(20_000)), tmp_path / "data", 32)
    later = manifest.model_copy(update={"schema_version": 99})
    (tmp_path / "data" / "manifest.json").write_text(later.model_dump_json(), encoding="utf-8")
    with pytest.raises(ValueError, match="has data of version 99, this program reads 1"):
        Dataset(tmp_path / "data")


@pytest.mark.parametrize("name", ["historic.txt", "historic-prose.txt"])
def test_real_corpora_are_prepared_with_their_whole_text(tmp_path: Path, name: str) -> None:
    path = Path(__file__).parents[3] / "shared/data" / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the project")
    manifest = prepare(DataConfig(paths=(str(path),)), tmp_path, 128)
    assert manifest.num_bytes == path.stat().st_size
    assert manifest.domain == ("chat" if name == "historic.txt" else "text")
    limits: dict[Split, int] = {"search": 60_000, "test": 1_000_000}
    for split, most in limits.items():
        expected = min(manifest.num_bytes / 10, most)
        assert manifest.splits[split].num_bytes == pytest.approx(expected, rel=0.05)


def test_held_out_splits_stop_growing_with_the_corpus() -> None:
    config = DataConfig(search_bytes=60_000, test_bytes=1_000_000)
    assert held_out(config, 500_000) == (0.1, 0.1)
    search, test = held_out(config, 100_000_000)
    assert search * 100_000_000 == pytest.approx(60_000)
    assert test * 100_000_000 == pytest.approx(1_000_000)
