"""Corpora that are hard to read a window at a time: everything falls on an edge somewhere."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

WORDS = (
    *("ship", "lamp", "river", "it's", "we'll", "--", "12", "3.14", "naïve", "e\u0301", "日本語"),
    *("ΟΔΟΣ", "\u0391Σ'\u0391", "👋🏽", "<|", "<|user", "|>", "<", "a\u2028b", "\x1c", "\x85", "Σ"),
)
GAPS = (" ",) * 9 + (
    "\n",
    " ",
    "\t",
    "\n\n",
    "  ",
    "\r\n",
    " \n",
    "\r\n\r\n",
    "\n \n",
    "\n\n\n",
    "\r",
)
END = "<|end_of_text|>"


def words(count: int, start: int = 0) -> Iterator[str]:
    """Words with white space behind, no long stretch of them twice."""
    for index in range(start, start + count):
        word = WORDS[index * index * 7 % 1009 % len(WORDS)]
        yield f"{word}{index * 7919 % 10007}{GAPS[index * 31 % 997 % len(GAPS)]}"


def running(folder: Path) -> None:
    """One text with lines, words and white space that are longer than any block."""
    parts = [
        *(*words(1200), "x" * 7000, " \n" * 900, "🦊é" * 1500, "\n\n", "<|user|> inside", "\n"),
        *(f"line {n * 7919 % 10007}\n" for n in range(600)),
        *("\r\n\r\n", *words(1500, 5000), "no line end"),
    ]
    (folder / "text.txt").write_bytes("".join(parts).encode())


def dialogues(folder: Path) -> None:
    """Several files: an empty one, a byte order mark, ends with much or no white space behind."""
    gaps = ("\n", "", " " * 300, "\r\n \n", "\u3000\n")
    for number in range(3):
        text = "".join(
            f"<|user|> {''.join(words(9 + n % 30, 900 * number + 41 * n))}"
            f"<|assistant|> so {n}.{END}{gaps[(n + number) % len(gaps)]}"
            for n in range(40)
        )
        (folder / f"{number}.txt").write_bytes(b"\xef\xbb\xbf" * (number == 1) + text.encode())
    (folder / "empty.txt").touch()
    (folder / "short.md").write_text(f"<|user|> a <|assistant|> cut o{END[:9]}", encoding="utf-8")


def records(folder: Path) -> None:
    """JSONL with escapes, blank lines, empty texts and near copies, beside a text."""
    texts = ["".join(words(30 + n % 200, 77 * n)) for n in range(60)]
    texts += [text.upper() + "more" for text in texts[:20]] + [""]
    lines = [json.dumps({"text": text}, ensure_ascii=n % 2 == 0) for n, text in enumerate(texts)]
    (folder / "a.jsonl").write_bytes("\n\r\n".join(lines).encode())
    (folder / "b.txt").write_bytes("".join(words(3000, 20_000)).encode())


AWKWARD: dict[str, Callable[[Path], None]] = {
    "running": running,
    "dialogues": dialogues,
    "records": records,
}
