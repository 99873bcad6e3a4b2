"""Tokenizers: bytes, characters with byte fallback, byte-level BPE.

All number the control tokens first, then the 256 bytes, then what they have learnt. Every token
stands for a fixed byte string, so decoding is a look-up, any Unicode text comes back exactly and
the bytes of any stretch of tokens are known. A marker such as <|user|> in a text is its control
token, wherever it came from.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from math import log2, sqrt
from pathlib import Path
from typing import Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as HuggingFaceTokenizer

from state.durable import write_atomically
from state.progress import SILENT, Reporter
from trainer.byte_symbols import symbol_bytes
from trainer.config import TokenizerKind
from trainer.stretches import Cut, before_space, outside_markers

TokenIds = NDArray[np.uint32]

CONTROL_NAMES = ("pad", "bos", "eos", "system", "user", "assistant", "end_of_text")
CONTROL_MARKERS = tuple(f"<|{name}|>" for name in CONTROL_NAMES)
CONTROL_IDS = {name: token for token, name in enumerate(CONTROL_NAMES)}
NUM_CONTROLS = len(CONTROL_NAMES)
NUM_BASE_TOKENS = NUM_CONTROLS + 256
"""Tokens that every vocabulary holds: control tokens and bytes."""
MIN_AUTO_VOCAB, MAX_AUTO_VOCAB = 512, 16384
BATCH_CHARACTERS = 2**19
CUTS: dict[TokenizerKind, Cut] = {
    "byte": outside_markers,
    "char": outside_markers,
    "bpe": before_space,
}
"""Where a text may be cut so that its parts have the tokens, and the words, of the whole."""
_MARKER = re.compile("(" + "|".join(map(re.escape, CONTROL_MARKERS)) + ")")
_MARKER_IDS = {marker: token for token, marker in enumerate(CONTROL_MARKERS)}


class Tokenizer(Protocol):
    """Text to token ids and back."""

    @property
    def kind(self) -> TokenizerKind: ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def control_ids(self) -> dict[str, int]:
        """Ids of pad, bos, eos, system, user, assistant and end_of_text."""

    @property
    def end_of_text_id(self) -> int: ...

    @property
    def byte_lengths(self) -> NDArray[np.int64]:
        """Bytes that each token stands for [V]; a control token counts its marker's."""

    def encode(self, text: str) -> TokenIds:
        """Token ids [N]; every string without surrogates is a sequence of known tokens."""

    def encode_documents(self, documents: Iterable[str]) -> Iterator[TokenIds]:
        """`encode` of each document, faster where there are many; some are held at a time."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text; bytes that are no whole UTF-8 character become U+FFFD."""

    def token_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that the tokens stand for, joined."""

    def num_bytes(self, ids: Iterable[int]) -> int:
        """Length of `token_bytes`."""

    def save(self, path: Path) -> None:
        """Write one JSON file; equal tokenizers write equal bytes."""


class _Vocabulary:
    """The byte string of every token, and what follows from it."""

    def __init__(self, learnt: Sequence[bytes], base: Sequence[bytes] | None = None) -> None:
        single_bytes = [bytes([value]) for value in range(256)]
        controls = [marker.encode() for marker in CONTROL_MARKERS]
        self._bytes = (*controls, *(base or single_bytes), *learnt)
        self.byte_lengths = np.array([len(value) for value in self._bytes], dtype=np.int64)
        self.control_ids = dict(CONTROL_IDS)
        self.end_of_text_id = CONTROL_IDS["end_of_text"]
        self.vocab_size = len(self._bytes)

    def token_bytes(self, ids: Iterable[int]) -> bytes:
        return b"".join([self._bytes[token] for token in ids])

    def decode(self, ids: Iterable[int]) -> str:
        return self.token_bytes(ids).decode("utf-8", errors="replace")

    def num_bytes(self, ids: Iterable[int]) -> int:
        return int(self.byte_lengths[np.fromiter(ids, dtype=np.int64)].sum())


class CharTokenizer(_Vocabulary):
    """Bytes, and a token for each learnt character beyond ASCII, in the order of code points.

    An ASCII character is its byte. A character that was not learnt is its UTF-8 bytes. With no
    characters this is the byte tokenizer.
    """

    def __init__(self, kind: Literal["byte", "char"], characters: str = "") -> None:
        super().__init__([character.encode() for character in characters])
        self.kind: TokenizerKind = kind
        self.characters = characters
        self._codes = np.array([ord(character) for character in characters], dtype=np.uint32)

    def encode(self, text: str) -> TokenIds:
        parts = [self._encode_part(part) for part in _MARKER.split(text) if part]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint32)

    def encode_documents(self, documents: Iterable[str]) -> Iterator[TokenIds]:
        return map(self.encode, documents)

    def _encode_part(self, part: str) -> TokenIds:
        """Token ids of one marker, or of a stretch without markers."""
        if part in _MARKER_IDS:
            return np.array([_MARKER_IDS[part]], dtype=np.uint32)
        if not self.characters or part.isascii():
            values = np.frombuffer(part.encode(), dtype=np.uint8)
            return values.astype(np.uint32) + np.uint32(NUM_CONTROLS)
        codes = np.frombuffer(part.encode("utf-32-le"), dtype="<u4")
        places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        learnt = self._codes[places] == codes
        ids = np.where(learnt, NUM_BASE_TOKENS + places, NUM_CONTROLS + codes)
        foreign = np.flatnonzero(~learnt & (codes > 127))
        return self._fall_back(part, ids.astype(np.uint32), foreign)

    def _fall_back(self, part: str, ids: TokenIds, foreign: NDArray[np.intp]) -> TokenIds:
        """`ids` with those at the places in `foreign` replaced by their character's bytes."""
        parts: list[TokenIds] = []
        start = 0
        for place in foreign.tolist():
            values = np.frombuffer(part[place].encode(), dtype=np.uint8)
            parts += [ids[start:place], values.astype(np.uint32) + np.uint32(NUM_CONTROLS)]
            start = place + 1
        return np.concatenate([*parts, ids[start:]])

    def save(self, path: Path) -> None:
        content = {
            "kind": self.kind,
            "control_ids": self.control_ids,
            "characters": self.characters,
        }
        write_atomically(path, (json.dumps(content) + "\n").encode())


class BpeTokenizer(_Vocabulary):
    """Byte-level BPE of the Hugging Face library, saved in its own format."""

    kind: TokenizerKind = "bpe"

    def __init__(self, tokenizer: HuggingFaceTokenizer) -> None:
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        symbols = sorted(vocabulary, key=vocabulary.__getitem__)
        values = [symbol_bytes(symbol) for symbol in symbols[NUM_CONTROLS:]]
        super().__init__(values[256:], base=values[:256])

    def encode(self, text: str) -> TokenIds:
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, np.uint32)

    def encode_documents(self, documents: Iterable[str]) -> Iterator[TokenIds]:
        """BATCH_CHARACTERS and a document more at a time, on all cores."""
        batch, length = [], 0
        for document in documents:
            batch.append(document)
            length += len(document)
            if length >= BATCH_CHARACTERS:
                yield from self._encode_batch(batch)
                batch, length = [], 0
        yield from self._encode_batch(batch)

    def _encode_batch(self, batch: list[str]) -> Iterator[TokenIds]:
        for encoding in self._tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield np.array(encoding.ids, dtype=np.uint32)

    def save(self, path: Path) -> None:
        write_atomically(path, (self._tokenizer.to_str() + "\n").encode())


def train_tokenizer(
    kind: TokenizerKind,
    train_documents: Iterable[str],
    vocab_size: int | None = None,
    progress: Reporter = SILENT,
    num_bytes: int | None = None,
) -> Tokenizer:
    """Fit a tokenizer to the train split, of which nothing is held but its distinct words.

    `vocab_size` is for BPE alone, None sizes it by `auto_vocab_size`; a text with fewer merges
    than that gives a smaller vocabulary. With `num_bytes` of None the documents are counted first,
    and held for that.
    """
    match kind:
        case "byte":
            return CharTokenizer("byte")
        case "char":
            beyond_ascii = (set(text) for text in train_documents if not text.isascii())
            characters = set[str]().union(*beyond_ascii)
            return CharTokenizer("char", "".join(sorted(c for c in characters if ord(c) > 127)))
        case "bpe":
            if num_bytes is None:
                train_documents = tuple(train_documents)
                num_bytes = sum(len(document.encode()) for document in train_documents)
            size = vocab_size or auto_vocab_size(num_bytes)
            return _train_bpe(train_documents, size, num_bytes, progress)
        case _:
            assert_never(kind)


def auto_vocab_size(num_bytes: int) -> int:
    """The power of two next to 1.45 * sqrt(bytes of the train split), 512 to 16,384.

    512 at 0.1 MB, 1,024 at 0.5 MB, 2,048 at 2 MB, 4,096 at 8 MB.
    """
    exponent = round(log2(1.45 * sqrt(max(num_bytes, 1))))
    return min(max(1 << max(exponent, 0), MIN_AUTO_VOCAB), MAX_AUTO_VOCAB)


def load_tokenizer(path: Path) -> Tokenizer:
    """Read what `Tokenizer.save` wrote.

    Raises:
        ValueError: the file is not a tokenizer of this program.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_a_tokenizer(path) from error
    if not isinstance(content, dict):
        raise _not_a_tokenizer(path)
    kind, characters = content.get("kind"), content.get("characters")
    if kind in {"byte", "char"} and isinstance(characters, str):
        return CharTokenizer(kind, characters)
    added = content.get("added_tokens") or []
    if [token["content"] for token in added] != list(CONTROL_MARKERS):
        raise _not_a_tokenizer(path)
    return BpeTokenizer(HuggingFaceTokenizer.from_str(text))


def _not_a_tokenizer(path: Path) -> ValueError:
    return ValueError(
        f"{path} is no tokenizer with this program's control tokens; prepare the data again"
    )


def _train_bpe(
    documents: Iterable[str], vocab_size: int, num_bytes: int, progress: Reporter
) -> BpeTokenizer:
    """Markers are cut out first: no merge is spent on their letters."""
    tokenizer = HuggingFaceTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[
            AddedToken(marker, special=True, normalized=False) for marker in CONTROL_MARKERS
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    with progress.work("merging tokens"):
        tokenizer.train_from_iterator(_without_markers(documents, num_bytes, progress), trainer)
    return BpeTokenizer(tokenizer)


def _without_markers(documents: Iterable[str], num_bytes: int, progress: Reporter) -> Iterator[str]:
    """The stretches between markers. The library counts words as it takes them, merges after."""
    done = 0
    with progress.work("counting words", num_bytes, "bytes") as advance:
        for document in documents:
            yield from (part for part in _MARKER.split(document)[::2] if part)
            done += len(document.encode())
            advance(done)
