"""The manifest of a data folder: what its files are, by count and by hash."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from state.base import Record
from state.records import Split
from trainer.config import Domain, TokenizerKind

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
TOKENIZER_NAME = "tokenizer.json"


class SplitManifest(Record):
    """One split's counts and the sha256 of its files."""

    documents: int
    tokens: int
    """Of the stream, the leading end-of-text token included."""
    num_bytes: int
    """Raw UTF-8 bytes, markers included: the bytes of bits per byte."""
    text_sha256: str
    tokens_sha256: str
    lengths_sha256: str


class DatasetManifest(Record):
    """What a data folder holds. It is written last: with it the folder is complete."""

    schema_version: int = SCHEMA_VERSION
    inputs_sha256: str
    """Of everything that decides the content: the corpus and the settings."""
    sha256: str
    """Of the raw corpus."""
    num_bytes: int
    domain: Domain
    tokenizer: TokenizerKind
    vocab_size: int
    tokenizer_sha256: str
    splits: dict[Split, SplitManifest]

    @property
    def token_dtype(self) -> np.dtype[np.unsignedinteger]:
        """Of the streams: little-endian uint16, uint32 where the vocabulary needs it."""
        return token_dtype(self.vocab_size)


def token_dtype(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """The smallest of little-endian uint16 and uint32 that holds every id."""
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")


def read_manifest(folder: Path) -> DatasetManifest:
    """The manifest of a complete data folder.

    Raises:
        ValueError: there is none, or not of this version.
    """
    try:
        content = (folder / MANIFEST_NAME).read_bytes()
        manifest = DatasetManifest.model_validate_json(content)
    except (OSError, ValidationError) as error:
        raise ValueError(f"{folder} holds no prepared data; prepare it again") from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise ValueError(
            f"{folder} has data of version {manifest.schema_version}, this program reads "
            f"{SCHEMA_VERSION}; prepare it again"
        )
    return manifest


def read_tokenizer(folder: Path) -> bytes:
    """The bytes of tokenizer.json, which the manifest knows by their hash.

    Raises:
        ValueError: the file, or the manifest, is missing or damaged.
    """
    path, expected = folder / TOKENIZER_NAME, read_manifest(folder).tokenizer_sha256
    if file_sha256(path) != expected:
        raise ValueError(f"{path} is missing or damaged; restore it from a copy of the run")
    return path.read_bytes()


def damaged_files(manifest: DatasetManifest, folder: Path) -> list[str]:
    """Names of the folder's files that are missing or not those of the manifest."""
    expected = {TOKENIZER_NAME: manifest.tokenizer_sha256}
    for name, split in manifest.splits.items():
        expected[f"{name}.txt"] = split.text_sha256
        expected[f"{name}.bin"] = split.tokens_sha256
        expected[f"{name}.lengths.bin"] = split.lengths_sha256
    return [name for name, digest in expected.items() if file_sha256(folder / name) != digest]


def require_intact(folder: Path) -> None:
    """Hash every file of the folder: a flipped bit in a stream would be trained on in silence.

    Raises:
        ValueError: a file is missing or not the one that the manifest knows.
    """
    damaged = damaged_files(read_manifest(folder), folder)
    if damaged:
        raise ValueError(
            f"{folder / damaged[0]} is missing or damaged; restore it from a copy of the run"
        )


def file_sha256(path: Path) -> str | None:
    """None where there is no such file."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()
