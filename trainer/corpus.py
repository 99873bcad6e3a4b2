"""Reading text: files, folders and JSONL become documents of one corpus.

Files are read a window at a time, and again for whatever needs their text again: of a corpus only
the lengths of its documents are kept.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

from state.progress import SILENT, Reporter, told
from trainer.config import Domain
from trainer.dialogues import Signs, cut_dialogues
from trainer.stretches import WINDOW_BYTES, Stretch, num_utf8
from trainer.text_files import TextFile, examine, read_pieces
from trainer.text_names import text_files

MAX_CHARACTER_SHARE = 0.5
SAMPLED_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class Corpus:
    """Documents in reading order; joined they are the text, markers and line ends included."""

    read: Callable[[], Iterator[Stretch]]
    """The documents, none of them empty, from the first one each time."""
    lengths: Sequence[int]
    """Characters of each document."""
    domain: Domain
    num_bytes: int
    """UTF-8 bytes of the joined documents."""
    sha256: str
    """Of the file; of the files' digests, in reading order, where there are several."""


def read_corpus(
    paths: Sequence[str],
    domain: Domain | None = None,
    progress: Reporter = SILENT,
    window: int = WINDOW_BYTES,
) -> Corpus:
    """Read files, folders (their .txt, .md and .jsonl files, sorted) and JSONL with a text field.

    A byte order mark is dropped and line ends are kept. Where the corpus has several files or
    records, each that lacks a final newline gets one. A `domain` of None is detected. `window` is
    how many bytes are read at a time, and changes nothing in what is read.

    Raises:
        ValueError: there is no such text, or nothing could be learnt from it.
    """
    names = [file for path in paths for file in text_files(Path(path))]
    files: list[TextFile] = []
    survey = _Survey()
    total = len(names) if len(names) > 1 else None
    with progress.work("reading the text", total, "files") as advance:
        for name in told(names, range(1, len(names) + 1), advance):
            files.append(examine(name, window))
            survey.add(read_pieces(files[-1], window, progress))
    source = ", ".join(paths)
    _refuse_empty(survey, source)
    domain = domain or survey.domain
    read = _Reading(tuple(files), window, survey.num_pieces > 1, domain)
    sample = _Sample(survey.num_characters)
    lengths = _lengths(read(sample), domain, survey.num_bytes, progress)
    sample.refuse_monotony(source)
    digests = [file.sha256 for file in files]
    digest = digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()
    return Corpus(read, lengths, domain, survey.num_bytes, digest)


@dataclass(frozen=True)
class _Reading:
    """Reads the documents whenever it is called."""

    files: tuple[TextFile, ...]
    window: int
    ends_lines: bool
    domain: Domain

    def __call__(self, sample: "_Sample | None" = None) -> Iterator[Stretch]:
        each = (read_pieces(file, self.window) for file in self.files)
        pieces: Iterator[Stretch] = chain.from_iterable(each)
        if sample is not None:
            pieces = sample.taken_from(pieces)
        if self.ends_lines:
            pieces = _with_line_ends(pieces)
        return cut_dialogues(pieces) if self.domain == "chat" else pieces


class _Survey:
    """What one reading says of the pieces: the files, or the records of JSONL."""

    def __init__(self) -> None:
        self.num_pieces = self.num_characters = 0
        self.is_space = True
        self._num_bytes = self._num_unended = 0
        self._num_chats = self._num_chats_alone = 0

    def add(self, pieces: Iterable[Stretch]) -> None:
        """Read more of them."""
        signs, last = Signs(), ""
        for text, ends in pieces:
            signs.add(text)
            last = text[-1:] or last
            self.num_characters += len(text)
            self._num_bytes += num_utf8(text)
            self.is_space = self.is_space and (not text or text.isspace())
            if ends:
                line_end = "" if last == "\n" else "\n"
                self.num_pieces += 1
                self._num_unended += len(line_end)
                self._num_chats += signs.are_of_a_chat(line_end)
                self._num_chats_alone += signs.are_of_a_chat("")
                signs = Signs()

    @property
    def num_bytes(self) -> int:
        """Of all, with the line ends that several pieces get."""
        return self._num_bytes + (self._num_unended if self.num_pieces > 1 else 0)

    @property
    def domain(self) -> Domain:
        """Chat where at least half of the pieces close with the end-of-text marker."""
        num_chats = self._num_chats if self.num_pieces > 1 else self._num_chats_alone
        return "chat" if 2 * num_chats >= self.num_pieces else "text"


class _Sample:
    """Characters of the pieces; of a long text every so many-th."""

    def __init__(self, num_characters: int) -> None:
        self._stride = 1 + num_characters // SAMPLED_CHARACTERS
        self._counts: Counter[str] = Counter()

    def taken_from(self, pieces: Iterable[Stretch]) -> Iterator[Stretch]:
        """The same pieces, counted on their way."""
        skip = 0
        for text, ends in pieces:
            self._counts.update(text[skip :: self._stride])
            skip = 0 if ends else (skip - len(text)) % self._stride
            yield Stretch(text, ends)

    def refuse_monotony(self, source: str) -> None:
        """Raise a ValueError where one character is most of the text."""
        (character, count), total = self._counts.most_common(1)[0], self._counts.total()
        if count > MAX_CHARACTER_SHARE * total:
            raise ValueError(
                f"{source} is {100 * count / total:.0f} % the character {character!r} "
                f"({count:,} of {total:,}), and at most {100 * MAX_CHARACTER_SHARE:.0f} % can be "
                "learnt from; give --data other text"
            )


def _refuse_empty(survey: _Survey, source: str) -> None:
    if not survey.num_pieces:
        raise ValueError(f"{source} is empty; give --data some text")
    if survey.is_space:
        raise ValueError(f"{source} holds only white space; give --data some text")


def _with_line_ends(pieces: Iterable[Stretch]) -> Iterator[Stretch]:
    last = ""
    for text, ends in pieces:
        last = text[-1:] or last
        yield Stretch(text + "\n" if ends and last != "\n" else text, ends)


def _lengths(
    documents: Iterable[Stretch], domain: Domain, num_bytes: int, progress: Reporter
) -> Sequence[int]:
    """Characters of each document."""
    lengths, length, done = array("q"), 0, 0
    what = "finding dialogues" if domain == "chat" else "finding documents"
    with progress.work(what, num_bytes, "bytes") as advance:
        for text, ends in documents:
            length += len(text)
            done += num_utf8(text)
            if ends:
                lengths.append(length)
                length = 0
            advance(done)
    return lengths
