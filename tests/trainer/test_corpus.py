"""Corpora read from files, folders and JSONL, and those that are refused."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator.resolve import corpus_bytes
from tests.stretched import joined
from trainer.corpus import Corpus, read_corpus

CHAT = "<|user|> one <|assistant|> two <|end_of_text|>\n"
PROSE = "The wind went down.\r\n\r\nNobody came, but the lamp was lit.\n"


def write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def documents(corpus: Corpus) -> tuple[str, ...]:
    found = joined(corpus.read())
    assert list(map(len, found)) == list(corpus.lengths)
    return found


def test_running_text_is_one_document_with_its_line_ends(tmp_path: Path) -> None:
    corpus = read_corpus([write(tmp_path / "a.txt", PROSE)])
    assert documents(corpus) == (PROSE,)
    assert corpus.domain == "text"
    assert corpus.num_bytes == len(PROSE)
    assert corpus.sha256 == sha256(PROSE.encode()).hexdigest()


@pytest.mark.parametrize("text", [CHAT * 3, CHAT * 3 + "<|user|> cut o", CHAT.rstrip() * 3])
def test_dialogues_are_found_and_join_to_the_raw_text(tmp_path: Path, text: str) -> None:
    corpus = read_corpus([write(tmp_path / "a.txt", text)])
    assert corpus.domain == "chat"
    found = documents(corpus)
    assert found[0].startswith("<|user|> one <|assistant|> two <|end_of_text|>")
    assert len(found) == 3 + ("cut" in text)
    assert "".join(found) == text


def test_prose_that_mentions_the_marker_is_still_text(tmp_path: Path) -> None:
    text = PROSE + "A file may end in <|end_of_text|> or not.\n" + PROSE
    assert read_corpus([write(tmp_path / "a.txt", text)]).domain == "text"


def test_the_domain_can_be_overridden(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", CHAT * 3)
    assert documents(read_corpus([path], "text")) == (CHAT * 3,)
    assert documents(read_corpus([write(tmp_path / "b.txt", PROSE)], "chat")) == (PROSE,)


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfhello")
    assert documents(read_corpus([path])) == ("hello",)


def test_a_folder_is_read_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "c.TXT", ".hidden.txt", ".git/d.txt", "e.py"):
        write(tmp_path / name, f"This is {name}.")
    found = documents(read_corpus([str(tmp_path)]))
    assert found == ("This is a/z.md.\n", "This is b.txt.\n", "This is c.TXT.\n")


def test_what_runs_have_written_is_no_text(tmp_path: Path) -> None:
    """A folder that is named twice is the same text, though a run stands in it by then."""
    for name in ("b.txt", "runs/one/log.txt", "runs/one/data/train.txt", "runs/notes.md"):
        write(tmp_path / name, f"This is {name}.")
    for name in ("state.json", "metrics.db", "events.jsonl"):
        (tmp_path / "runs" / "one" / name).write_text("{}")
    found = documents(read_corpus([str(tmp_path)]))
    assert found == ("This is b.txt.\n", "This is runs/notes.md.\n")
    assert corpus_bytes((str(tmp_path),)) == sum(map(len, found)) - 2
    inside = read_corpus([str(tmp_path / "runs" / "one" / "data")])
    assert documents(inside) == ("This is runs/one/data/train.txt.",)


def test_several_files_keep_the_given_order(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, f"I am {name}\n") for name in ("b.txt", "a.txt")]
    assert documents(read_corpus(paths)) == ("I am b.txt\n", "I am a.txt\n")
    assert read_corpus(paths).sha256 != read_corpus(paths[::-1]).sha256


def test_jsonl_records_are_documents(tmp_path: Path) -> None:
    texts = ["first é", "second\u2028line\n", CHAT]
    lines = "\n".join(json.dumps({"text": t, "id": 1}, ensure_ascii=False) for t in texts)
    corpus = read_corpus([write(tmp_path / "a.jsonl", lines + "\n\n")])
    assert documents(corpus) == ("first é\n", "second\u2028line\n", CHAT)
    assert corpus.num_bytes == len("".join(documents(corpus)).encode())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty; give --data some text"),
        ("a.txt", b" \n\t\n", "holds only white space"),
        ("a.txt", b"abc\0def", "NUL byte at offset 3, so it is binary or UTF-16"),
        ("a.txt", b"caf\xe9 au lait", "is not UTF-8 at byte offset 3; convert it"),
        ("a.txt", b"\xef\xbb\xbfab\xff", "is not UTF-8 at byte offset 5; convert it"),
        ("a.txt", b"a" * 60 + b"bc" * 20, "is 60 % the character 'a' (60 of 100)"),
        ("a.jsonl", b'{"text": "x"}\n{"body": "y"}\n', "line 2 has no text field"),
        ("a.jsonl", b'{"text": 3}\n', "line 1 has no text field"),
        ("a.jsonl", b"[1]\n", "line 1 has no text field"),
        ("a.jsonl", b'{"text": "x"}\n\n{oops\n', "line 3 is not JSON"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "line 1 holds half a surrogate pair"),
    ],
)
def test_useless_content_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refusal:
        read_corpus([path])
    assert path in str(refusal.value)
    assert message in str(refusal.value)


def test_exactly_half_of_one_character_is_accepted(tmp_path: Path) -> None:
    text = "a b c d "
    assert documents(read_corpus([write(tmp_path / "a.txt", text)])) == (text,)


def test_missing_and_unusable_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.txt does not exist; give --data"):
        read_corpus([str(tmp_path / "nowhere.txt")])
    with pytest.raises(ValueError, match=r"holds no \.txt, \.md, \.jsonl file"):
        read_corpus([str(tmp_path)])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        read_corpus([str(tmp_path / "pipe")])
