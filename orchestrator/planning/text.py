"""How long a text is in tokens: a short one is prepared as a run would, of a long one a part."""

from math import ceil
from pathlib import Path
from typing import NamedTuple

from orchestrator.planning.wall import TextSize
from state.records import Split
from trainer.config import Contiguous, DataConfig
from trainer.manifest import DatasetManifest
from trainer.text_names import text_files

WHOLE_BYTES = 8_000_000
"""A text up to here is prepared whole, which takes some seconds."""
MAX_FILES = 1_000
"""Of a folder with more, every so many-th is read."""


class PreparedText(NamedTuple):
    """The dataset that the probe trains on, and what the whole text would be."""

    manifest: DatasetManifest
    """Its splits have the tokens of the whole text."""
    size: TextSize
    is_estimate: bool


def prepare_text(
    data: DataConfig, folder: Path, block: int, num_bytes: int, tokenizer: Path | None
) -> PreparedText:
    """Prepare the text, or a part of it, in `folder`.

    Raises:
        ValueError: no usable text, or too little of it for windows of `block` tokens.
    """
    from trainer.data import prepare

    if num_bytes <= WHOLE_BYTES:
        manifest = prepare(data, folder / "data", block, tokenizer)
        return PreparedText(manifest, size_of(manifest), is_estimate=False)
    shares = split_shares(data, num_bytes)
    part = _part(data, folder / "part", num_bytes, shares["train"])
    manifest = scaled(prepare(part, folder / "data", block, tokenizer), num_bytes, shares)
    return PreparedText(manifest, size_of(manifest), is_estimate=True)


def split_shares(data: DataConfig, num_bytes: int) -> dict[Split, float]:
    """What each split has of a text, documents taken to be short."""
    from trainer.data import held_out

    if isinstance(data.split, Contiguous):
        return {"train": data.split.train, "search": data.split.search, "test": data.split.test}
    search, test = held_out(data, num_bytes)
    return {"train": 1 - search - test, "search": search, "test": test}


def scaled(
    manifest: DatasetManifest, num_bytes: int, shares: dict[Split, float]
) -> DatasetManifest:
    """The manifest of a part with the tokens of the whole."""
    grown = {}
    for name, split in manifest.splits.items():
        wanted = shares[name] * num_bytes
        tokens = round(split.tokens * wanted / max(1, split.num_bytes))
        grown[name] = split.model_copy(update={"tokens": tokens, "num_bytes": round(wanted)})
    return manifest.model_copy(update={"splits": grown, "num_bytes": num_bytes})


def size_of(manifest: DatasetManifest) -> TextSize:
    """Tokens by split; a text without a test split has none of them."""
    tokens = {name: split.tokens for name, split in manifest.splits.items()}
    return TextSize(
        train_tokens=tokens["train"],
        search_tokens=tokens["search"],
        test_tokens=tokens.get("test", 0),
    )


def _part(data: DataConfig, folder: Path, num_bytes: int, train_share: float) -> DataConfig:
    """The beginnings of the files, cut at line ends, with the vocabulary of the whole text."""
    from trainer.tokenizer import auto_vocab_size

    folder.mkdir()
    found = [file for path in data.paths for file in text_files(Path(path))]
    every = ceil(len(found) / MAX_FILES)
    share = every * WHOLE_BYTES / num_bytes
    for number, file in enumerate(found[::every]):
        (folder / f"{number:04d}{file.suffix.lower()}").write_bytes(_beginning(file, share))
    vocabulary = data.vocab_size
    if data.tokenizer == "bpe" and vocabulary is None:
        vocabulary = auto_vocab_size(round(train_share * num_bytes))
    return data.model_copy(update={"paths": (str(folder),), "vocab_size": vocabulary})


def _beginning(file: Path, share: float) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(ceil(min(1.0, share) * file.stat().st_size))
    except OSError as error:
        raise ValueError(
            f"{file} cannot be read ({error.strerror}); check its permissions"
        ) from None
    end = content.rfind(b"\n") + 1
    return content[:end] if end else content.decode("utf-8", errors="ignore").encode()
