"""From text to memory-mapped tokens: `prepare` writes a folder once, `Dataset` reads it.

Every token stream opens with the end-of-text token, so that the first real token has a context,
and goes on with the split's documents as they stand in the corpus.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from state.durable import delete, require_free, write_atomically
from state.progress import SILENT, Reporter
from state.records import Split
from state.seeds import derive_seed, generator
from state.tasks import BatchKey
from trainer.config import Contiguous, DataConfig
from trainer.corpus import Corpus, read_corpus
from trainer.manifest import (
    MANIFEST_NAME,
    SCHEMA_VERSION,
    TOKENIZER_NAME,
    DatasetManifest,
    SplitManifest,
    damaged_files,
    file_sha256,
    read_manifest,
    read_tokenizer,
)
from trainer.split_files import texts, write_texts, write_tokens
from trainer.splits import held_out, split_texts
from trainer.stretches import WINDOW_BYTES
from trainer.tokenizer import CONTROL_IDS, Tokenizer, load_tokenizer, train_tokenizer

__all__ = [
    "Dataset",
    "DatasetManifest",
    "SplitManifest",
    "Windows",
    "held_out",
    "prepare",
    "split_texts",
]

SPLITS: tuple[Split, ...] = get_args(Split)
IGNORED = -100
"""Target of a padded position; the losses of torch skip it."""
MIN_TRAIN_BLOCKS = 8
MIN_BLOCK = 8

Tokens = NDArray[np.int64]


class Windows(NamedTuple):
    """Consecutive windows of a split."""

    inputs: Tokens
    """[B, T], padded with the pad token."""
    targets: Tokens
    """[B, T], the token after each input, IGNORED where padded."""
    num_bytes: Tokens
    """[B], bytes that the window's targets stand for."""


def prepare(
    config: DataConfig,
    folder: Path,
    block: int,
    tokenizer: Path | None = None,
    progress: Reporter = SILENT,
    window: int = WINDOW_BYTES,
) -> DatasetManifest:
    """Read, split, tokenize and write; a folder that already holds the same is left as it is.

    `tokenizer` is the file of one to use; None trains one on the train split. `window` is how many
    bytes are read at a time: it changes memory, not what is written.

    Raises:
        ValueError: no usable text, or too little of it for windows of `block` tokens.
    """
    corpus = read_corpus(config.paths, config.domain, progress, window)
    inputs = _inputs_sha256(config, corpus, tokenizer)
    manifest = _stored(folder, inputs)
    if manifest is not None:
        _check_lengths(manifest, config, block)
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    require_free(folder, 3 * corpus.num_bytes)
    delete(folder / MANIFEST_NAME)
    manifest = _write_files(config, corpus, folder, inputs, tokenizer, progress, window)
    _check_lengths(manifest, config, block)
    write_atomically(folder / MANIFEST_NAME, (manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest


class Dataset:
    """A prepared folder, read only. Opening it reads the manifest alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._maps: dict[Split, np.memmap[tuple[int], np.dtype[np.unsignedinteger]]] = {}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that made the streams."""
        read_tokenizer(self.folder)
        return load_tokenizer(self.folder / TOKENIZER_NAME)

    def tokens(self, split: Split) -> "np.memmap[tuple[int], np.dtype[np.unsignedinteger]]":
        """The stream [N] as little-endian uint16, or uint32 where the vocabulary needs it."""
        if split not in self._maps:
            dtype = self.manifest.token_dtype
            num_tokens = self.manifest.splits[split].tokens
            path = self.folder / f"{split}.bin"
            if path.stat().st_size != num_tokens * dtype.itemsize:
                raise ValueError(f"{path} is not {num_tokens:,} tokens long; prepare it again")
            self._maps[split] = np.memmap(path, dtype=dtype, mode="r", shape=(num_tokens,))
        return self._maps[split]

    def batch(self, key: BatchKey, step: int, batch: int, block: int) -> tuple[Tokens, Tokens]:
        """Inputs and targets [B, T] of one step of training: a pure function of the arguments.

        Windows start anywhere in the train split, drawn with replacement.
        """
        tokens = np.asarray(self.tokens("train"))
        starts = self.starts(key, step, batch, block)
        windows = tokens[starts[:, None] + np.arange(block + 1)].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]

    def starts(self, key: BatchKey, step: int, batch: int, block: int) -> Tokens:
        """Where the windows of one step begin in the train split, [B]."""
        num_tokens = self.manifest.splits["train"].tokens
        assert num_tokens > block, f"{num_tokens} tokens hold no window of {block}"
        return generator(_stream_seed(key), step).integers(num_tokens - block, size=batch)

    def num_windows(self, split: Split, block: int) -> int:
        """How many windows of `block` tokens tile the split, the last may be padded."""
        return ceil((self.manifest.splits[split].tokens - 1) / block)

    def windows(self, split: Split, block: int, batch: int = 1) -> Iterator[Windows]:
        """Every window of the split in order, `batch` at a time, the last time fewer.

        Each token but the leading marker is a target exactly once, so the bytes of all windows
        add up to the split's.
        """
        tokens = np.asarray(self.tokens(split))
        lengths = self.tokenizer.byte_lengths
        count = self.num_windows(split, block)
        for first in range(0, count, batch):
            rows = min(batch, count - first)
            stretch = tokens[first * block : (first + rows) * block + 1]
            inputs = np.full(rows * block, CONTROL_IDS["pad"], dtype=np.int64)
            targets = np.full(rows * block, IGNORED, dtype=np.int64)
            num_bytes = np.zeros(rows * block, dtype=np.int64)
            filled = slice(0, len(stretch) - 1)
            inputs[filled], targets[filled] = stretch[:-1], stretch[1:]
            num_bytes[filled] = lengths[stretch[1:]]
            shape = (rows, block)
            yield Windows(
                inputs.reshape(shape), targets.reshape(shape), num_bytes.reshape(shape).sum(axis=1)
            )

    def text(self, split: Split) -> str:
        """The split's raw text."""
        return (self.folder / f"{split}.txt").read_bytes().decode("utf-8")

    def documents(self, split: Split) -> tuple[str, ...]:
        """The split's documents, or the blocks of a running text."""
        content = (self.folder / f"{split}.txt").read_bytes()
        lengths = np.fromfile(self.folder / f"{split}.lengths.bin", dtype="<u8")
        ends = np.cumsum(lengths).tolist()
        return tuple(
            content[start:end].decode("utf-8") for start, end in zip([0, *ends], ends, strict=False)
        )


@lru_cache(maxsize=64)
def _stream_seed(key: BatchKey) -> int:
    return derive_seed(key.seed, "batches", key.purpose, key.lineage, key.generation)


def _inputs_sha256(config: DataConfig, corpus: Corpus, tokenizer: Path | None) -> str:
    settings = config.model_dump_json(exclude={"paths", "train_tokens"})
    parts = [SCHEMA_VERSION, settings, corpus.sha256, corpus.domain, len(corpus.lengths)]
    parts += [] if tokenizer is None else [file_sha256(tokenizer)]
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _stored(folder: Path, inputs: str) -> DatasetManifest | None:
    """The folder's manifest where it is of these inputs and every file is whole."""
    try:
        manifest = read_manifest(folder)
    except ValueError:
        return None
    same = manifest.inputs_sha256 == inputs and not damaged_files(manifest, folder)
    return manifest if same else None


def _write_files(
    config: DataConfig,
    corpus: Corpus,
    folder: Path,
    inputs: str,
    given: Path | None,
    progress: Reporter,
    window: int,
) -> DatasetManifest:
    """Everything but the manifest."""
    names = SPLITS if config.has_test else SPLITS[:2]
    dealt = split_texts(config, corpus, folder, progress)
    splits = write_texts(folder, names, dealt, corpus.num_bytes, progress)
    if given is None:
        train, kind = splits["train"], config.tokenizer
        documents = texts(train, kind, window)
        size = config.vocab_size
        tokenizer = train_tokenizer(kind, documents, size, progress, train.num_bytes)
    else:
        tokenizer = load_tokenizer(given)
    tokenizer.save(folder / TOKENIZER_NAME)
    return DatasetManifest(
        inputs_sha256=inputs,
        sha256=corpus.sha256,
        num_bytes=corpus.num_bytes,
        domain=corpus.domain,
        tokenizer=tokenizer.kind,
        vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=file_sha256(folder / TOKENIZER_NAME) or "",
        splits={
            name: write_tokens(split, tokenizer, window, progress) for name, split in splits.items()
        },
    )


def _check_lengths(manifest: DatasetManifest, config: DataConfig, block: int) -> None:
    """Refuse splits too short for one window, or a train split for a few."""
    have = {name: split.tokens for name, split in manifest.splits.items()}
    need = dict.fromkeys(have, block + 1) | {"train": MIN_TRAIN_BLOCKS * block}
    wanted = _wanted_shares(config)
    short = [name for name in have if have[name] < need[name]]
    if not short:
        return
    name = min(short, key=lambda name: have[name] / need[name])
    longest = min(have[s] // MIN_TRAIN_BLOCKS if s == "train" else have[s] - 1 for s in have)
    smaller = f"use --block {longest} or smaller, or " if longest >= MIN_BLOCK else ""
    enough = ceil(1.5 * _bytes_per_token(manifest) * max(need[s] / wanted[s] for s in have))
    raise ValueError(
        f"{manifest.num_bytes:,} bytes of text leave {have[name]:,} tokens for {name}, and a block "
        f"of {block} needs {need[name]:,}; {smaller}give about {enough:,} bytes of text"
    )


def _wanted_shares(config: DataConfig) -> dict[Split, float]:
    if isinstance(config.split, Contiguous):
        parts = config.split
        return {"train": parts.train, "search": parts.search, "test": parts.test}
    return {
        "train": 1 - config.search_fraction - config.test_fraction,
        "search": config.search_fraction,
        "test": config.test_fraction,
    }


def _bytes_per_token(manifest: DatasetManifest) -> float:
    """Over all splits, their leading tokens left out."""
    num_tokens = sum(split.tokens - 1 for split in manifest.splits.values())
    return manifest.num_bytes / num_tokens
