"""The files of the splits: texts as they are dealt out, then tokens; none is ever held whole."""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from state.durable import fsync_file
from state.progress import SILENT, Advance, Reporter
from state.records import Split
from trainer.config import TokenizerKind
from trainer.manifest import SplitManifest, token_dtype
from trainer.splits import Dealt
from trainer.stretches import WINDOW_BYTES, Stretch, num_utf8, recut
from trainer.tokenizer import CUTS, Tokenizer


class SplitText(NamedTuple):
    """A split's text on disk."""

    folder: Path
    name: Split
    documents: int
    num_bytes: int
    text_sha256: str
    lengths_sha256: str


class _Written:
    """A file whose content is hashed on its way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, sha256()
        self.num_bytes = 0

    def write(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self.num_bytes += self._file.write(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def _written(path: Path) -> Iterator[_Written]:
    """A new file, which is forced to the device at its end."""
    with path.open("wb") as file:
        yield _Written(file)
    fsync_file(path)


def write_texts(
    folder: Path,
    names: Iterable[Split],
    dealt: Iterable[Dealt],
    num_bytes: int,
    progress: Reporter = SILENT,
) -> dict[Split, SplitText]:
    """Write NAME.txt and NAME.lengths.bin for each name, some perhaps empty."""
    lengths: dict[Split, int] = dict.fromkeys(names, 0)
    documents, done = dict.fromkeys(lengths, 0), 0
    with ExitStack() as stack:
        whole, ends = (
            {name: stack.enter_context(_written(folder / f"{name}{kind}")) for name in lengths}
            for kind in (".txt", ".lengths.bin")
        )
        with progress.work("dealing out the text", num_bytes, "bytes") as advance:
            for name, data, over in dealt:
                whole[name].write(data)
                lengths[name] += len(data)
                done += len(data)
                if over:
                    ends[name].write(lengths[name].to_bytes(8, "little"))
                    lengths[name], documents[name] = 0, documents[name] + 1
                    advance(done)
    return {
        name: SplitText(
            folder, name, documents[name], text.num_bytes, text.sha256, ends[name].sha256
        )
        for name, text in whole.items()
    }


def read_text(split: SplitText, window: int = WINDOW_BYTES) -> Iterator[Stretch]:
    """The documents, those of at most `window` bytes whole."""
    decoder = getincrementaldecoder("utf-8")()
    lengths = np.fromfile(split.folder / f"{split.name}.lengths.bin", dtype="<u8")
    with (split.folder / f"{split.name}.txt").open("rb") as file:
        for length in lengths:
            left = int(length)
            while left:
                raw = file.read(min(left, window))
                left -= len(raw)
                yield Stretch(decoder.decode(raw), ends=not left)


def texts(
    split: SplitText,
    kind: TokenizerKind,
    window: int = WINDOW_BYTES,
    advance: Advance = lambda _: None,
) -> Iterator[str]:
    """The documents, long ones in stretches that such a tokenizer encodes one by one as it would
    the whole. What is done by then is told in bytes.
    """
    done = 0
    for text, _ in recut(read_text(split, window), CUTS[kind]):
        yield text
        done += num_utf8(text)
        advance(done)


def write_tokens(
    split: SplitText,
    tokenizer: Tokenizer,
    window: int = WINDOW_BYTES,
    progress: Reporter = SILENT,
) -> SplitManifest:
    """Write NAME.bin: the end-of-text token, then each document's."""
    dtype = token_dtype(tokenizer.vocab_size)
    what = f"tokenising the {split.name} split"
    with (
        progress.work(what, split.num_bytes, "bytes") as advance,
        _written(split.folder / f"{split.name}.bin") as file,
    ):
        encoded = tokenizer.encode_documents(texts(split, tokenizer.kind, window, advance))
        for ids in chain([np.array([tokenizer.end_of_text_id])], encoded):
            file.write(ids.astype(dtype).tobytes())
    return SplitManifest(
        documents=split.documents,
        tokens=file.num_bytes // dtype.itemsize,
        num_bytes=split.num_bytes,
        text_sha256=split.text_sha256,
        tokens_sha256=file.sha256,
        lengths_sha256=split.lengths_sha256,
    )
