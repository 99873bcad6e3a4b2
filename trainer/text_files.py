"""Text files and JSONL, examined once and then read as often as needed, a window at a time."""

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import fstat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from state.progress import SILENT, Reporter
from trainer.stretches import Stretch

_BOM = b"\xef\xbb\xbf"
_DECODER = getincrementaldecoder("utf-8")


class TextFile(NamedTuple):
    """A file that holds nothing but UTF-8."""

    path: Path
    sha256: str
    num_lines: int
    """What line feeds separate, a last empty one included."""
    stamp: tuple[int, int]
    """Size and time of the last change."""


def examine(path: Path, window: int) -> TextFile:
    """Hash a file and look at every byte.

    Raises:
        ValueError: it cannot be read, is binary or is not UTF-8.
    """
    digest, decoder = sha256(), _DECODER()
    offset, num_lines, broken = 0, 1, None
    with _opened(path) as file:
        stamp = _stamp(file)
        more = True
        while more:
            raw = file.read(window)
            more = bool(raw)
            _refuse_zero(path, raw, offset)
            if broken is None:
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(raw, final=not more)
                except UnicodeDecodeError as error:
                    broken = offset - pending + error.start
            digest.update(raw)
            num_lines += raw.count(b"\n")
            offset += len(raw)
    if broken is not None:
        raise ValueError(
            f"{path} is not UTF-8 at byte offset {broken:,}; convert it, "
            "for example with iconv -t UTF-8"
        )
    return TextFile(path, digest.hexdigest(), num_lines, stamp)


def read_pieces(file: TextFile, window: int, progress: Reporter = SILENT) -> Iterator[Stretch]:
    """The texts of a file, none of them empty: the records of JSONL, else the file as one.

    A byte order mark is dropped and line ends are kept. A record is held whole, a text is not.

    Raises:
        ValueError: a record has no text, or the file is not as it was examined.
    """
    with _opened(file.path) as opened:
        _refuse_changed(file, opened)
        if file.path.suffix.lower() == ".jsonl":
            yield from _records(file, opened, progress)
        else:
            yield from _windows(opened, window)
        _refuse_changed(file, opened)


def _windows(opened: BinaryIO, window: int) -> Iterator[Stretch]:
    decoder = _DECODER()
    raw, some = opened.read(window).removeprefix(_BOM), False
    while raw:
        some = True
        yield Stretch(decoder.decode(raw), ends=False)
        raw = opened.read(window)
    if some:
        yield Stretch("", ends=True)


def _records(file: TextFile, opened: BinaryIO, progress: Reporter) -> Iterator[Stretch]:
    """Only a line feed ends a record: JSON strings may hold Unicode's other line separators."""
    with progress.work("reading the records", file.num_lines, "lines") as advance:
        for number, raw in enumerate(opened, 1):
            line = (raw.removeprefix(_BOM) if number == 1 else raw).decode().removesuffix("\n")
            text = _record_text(f"{file.path} line {number}", line) if line.strip() else ""
            if text:
                yield Stretch(text, ends=True)
            advance(number)
        advance(file.num_lines)


def _record_text(where: str, line: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON; put one object on each line") from error
    match record:
        case {"text": str(text)}:
            return _encodable(where, text)
        case _:
            raise ValueError(f'{where} has no text field; every line needs {{"text": "..."}}')


def _encodable(where: str, text: str) -> str:
    """JSON escapes can spell half a surrogate pair, which UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where} holds half a surrogate pair; repair the escape") from error
    return text


def _refuse_zero(path: Path, raw: bytes, offset: int) -> None:
    zero = raw.find(b"\0")
    if zero >= 0:
        raise ValueError(
            f"{path} has a NUL byte at offset {offset + zero:,}, so it is binary or UTF-16; "
            "give --data text in UTF-8"
        )


def _refuse_changed(file: TextFile, opened: BinaryIO) -> None:
    if _stamp(opened) != file.stamp:
        raise ValueError(
            f"{file.path} changed while it was being read; start again when it is complete"
        )


def _stamp(opened: BinaryIO) -> tuple[int, int]:
    found = fstat(opened.fileno())
    return found.st_size, found.st_mtime_ns


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); check its permissions"
        ) from error
