"""Reading text: files, folders and JSONL become documents of one corpus.

Files are read one after the other and every document is kept in memory once: a corpus of some
gigabytes needs about twice (beyond Latin letters four times) its size in memory.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from state.progress import SILENT, Reporter, told
from trainer.config import Domain

END_OF_TEXT = "<|end_of_text|>"
SUFFIXES = (".txt", ".md", ".jsonl")
MAX_CHARACTER_SHARE = 0.5
SAMPLED_CHARACTERS = 8_000_000
_BOM = b"\xef\xbb\xbf"
_DOCUMENT = re.compile(rf".*?(?:{re.escape(END_OF_TEXT)}\s*|\Z)", re.DOTALL)
_ROLE = re.compile(r"<\|(?:user|assistant)\|>")


@dataclass(frozen=True)
class Corpus:
    """Documents in reading order; joined they are the text, markers and line ends included."""

    documents: tuple[str, ...]
    domain: Domain
    num_bytes: int
    """UTF-8 bytes of the joined documents."""
    sha256: str
    """Of the file; of the files' digests, in reading order, where there are several."""


def read_corpus(
    paths: Sequence[str], domain: Domain | None = None, progress: Reporter = SILENT
) -> Corpus:
    """Read files, folders (their .txt, .md and .jsonl files, sorted) and JSONL with a text field.

    A byte order mark is dropped and line ends are kept. Where the corpus has several files or
    records, each that lacks a final newline gets one. A `domain` of None is detected.

    Raises:
        ValueError: there is no such text, or nothing could be learnt from it.
    """
    files = [file for path in paths for file in _files(Path(path))]
    digests: list[str] = []
    pieces: list[str] = []
    total = len(files) if len(files) > 1 else None
    with progress.work("reading the text", total, "files") as advance:
        for file in told(files, range(1, len(files) + 1), advance):
            raw = _read_bytes(file)
            digests.append(sha256(raw).hexdigest())
            pieces += _pieces(file, raw, progress)
    _check(pieces, ", ".join(paths))
    if len(pieces) > 1:
        pieces = [piece if piece.endswith("\n") else piece + "\n" for piece in pieces]
    domain = domain or detect_domain(pieces)
    documents = _chat_documents(pieces, progress) if domain == "chat" else tuple(pieces)
    return Corpus(
        documents=documents,
        domain=domain,
        num_bytes=sum(len(document.encode()) for document in documents),
        sha256=digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest(),
    )


def detect_domain(pieces: Sequence[str]) -> Domain:
    """Chat where at least half of the files or records close with the end-of-text marker."""
    chats = sum(map(_is_chat, pieces))
    return "chat" if 2 * chats >= len(pieces) else "text"


def _is_chat(piece: str) -> bool:
    """A piece cut off in the middle of its last dialogue is still a chat."""
    if piece[-200:].rstrip().endswith(END_OF_TEXT):
        return True
    num_ends = piece.count(END_OF_TEXT)
    return num_ends >= 2 and len(_ROLE.findall(piece)) >= num_ends


def _chat_documents(pieces: Sequence[str], progress: Reporter) -> tuple[str, ...]:
    """Cut after every marker; the white space behind it stays with the document it closes."""
    documents, done = [], 0
    num_bytes = sum(len(piece.encode()) for piece in pieces)
    with progress.work("finding dialogues", num_bytes, "bytes") as advance:
        for found in (found for piece in pieces for found in _DOCUMENT.finditer(piece)):
            if found[0]:
                documents.append(found[0])
                done += len(found[0].encode())
                advance(done)
    return tuple(documents)


def _files(path: Path) -> list[Path]:
    """The text files that one argument names."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise ValueError(f"{path} does not exist; give --data a text file, a folder or JSONL")
    if not path.is_dir():
        raise ValueError(f"{path} is not a regular file; give --data a text file or a folder")
    names = (found.relative_to(path) for found in path.rglob("*"))
    visible = sorted(
        name.as_posix()
        for name in names
        if name.suffix.lower() in SUFFIXES and not any(part[0] == "." for part in name.parts)
    )
    files = [path / name for name in visible if (path / name).is_file()]
    if not files:
        raise ValueError(f"{path} holds no {', '.join(SUFFIXES)} file; name the files themselves")
    return files


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{file} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _pieces(file: Path, raw: bytes, progress: Reporter) -> list[str]:
    """The texts of one file: the records of a JSONL file, else the file as one."""
    text = _decode(file, raw)
    if file.suffix.lower() == ".jsonl":
        return _records(file, text, progress)
    return [text] if text else []


def _decode(file: Path, raw: bytes) -> str:
    zero = raw.find(b"\0")
    if zero >= 0:
        raise ValueError(
            f"{file} has a NUL byte at offset {zero:,}, so it is binary or UTF-16; "
            "give --data text in UTF-8"
        )
    try:
        return raw.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + (len(_BOM) if raw.startswith(_BOM) else 0)
        raise ValueError(
            f"{file} is not UTF-8 at byte offset {offset:,}; convert it, "
            "for example with iconv -t UTF-8"
        ) from error


def _records(file: Path, text: str, progress: Reporter) -> list[str]:
    """Only a line feed ends a record: JSON strings may hold Unicode's other line separators."""
    lines = text.split("\n")
    count = range(1, len(lines) + 1)
    with progress.work("reading the records", len(lines), "lines") as advance:
        numbered = zip(count, told(lines, count, advance), strict=True)
        texts = [_record_text(f"{file} line {n}", line) for n, line in numbered if line.strip()]
    return [text for text in texts if text]


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


def _check(pieces: Sequence[str], source: str) -> None:
    """Refuse what no model could learn from."""
    if not pieces:
        raise ValueError(f"{source} is empty; give --data some text")
    if all(piece.isspace() for piece in pieces):
        raise ValueError(f"{source} holds only white space; give --data some text")
    character, count, total = _most_frequent(pieces)
    if count > MAX_CHARACTER_SHARE * total:
        raise ValueError(
            f"{source} is {100 * count / total:.0f} % the character {character!r} "
            f"({count:,} of {total:,}), and at most {100 * MAX_CHARACTER_SHARE:.0f} % can be "
            "learnt from; give --data other text"
        )


def _most_frequent(pieces: Sequence[str]) -> tuple[str, int, int]:
    """The commonest character, its count and the characters counted; a long text is sampled."""
    stride = 1 + sum(map(len, pieces)) // SAMPLED_CHARACTERS
    counts: Counter[str] = Counter()
    for piece in pieces:
        counts.update(piece[::stride])
    character, count = counts.most_common(1)[0]
    return character, count, counts.total()
