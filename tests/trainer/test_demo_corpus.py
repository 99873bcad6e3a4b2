"""The synthetic corpus: the same for the same arguments, and worth learning from."""

import re
from pathlib import Path

import pytest

from tests.stretched import joined
from trainer.corpus import read_corpus
from trainer.demo_corpus import TOPICS, Draw, demo_text, write_demo_corpus
from trainer.order2 import order2_bits_per_byte


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name, chars, seed in (("a", 8000, 0), ("b", 8000, 0), ("c", 8000, 1)):
        write_demo_corpus(tmp_path / "new" / name, chars, seed)
    content = {name: (tmp_path / "new" / name).read_bytes() for name in "abc"}
    assert content["a"] == content["b"] != content["c"]
    assert demo_text(20_000).startswith(demo_text(8000))


def test_the_text_of_a_seed_never_changes() -> None:
    first = demo_text(5000).split(" <|assistant|>")[0]
    assert first == "<|user|> Welcome, I am Ned, a doctor from Bergen."


def test_it_is_a_chat_corpus_of_nearly_the_asked_size(tmp_path: Path) -> None:
    write_demo_corpus(tmp_path / "demo.txt", 50_000)
    corpus = read_corpus([str(tmp_path / "demo.txt")])
    assert corpus.domain == "chat"
    assert 48_000 < corpus.num_bytes <= 50_000
    form = r"(<\|user\|> [^<]+[.?] <\|assistant\|> [^<]+[.?] )+<\|end_of_text\|>\n"
    documents = joined(corpus.read())
    assert all(re.fullmatch(form, document) for document in documents)
    assert len(set(documents)) == len(documents)


def test_sums_and_counts_are_right() -> None:
    text = demo_text(200_000)
    sums = re.findall(r"(\d+) (plus|minus) (\d+) is (\d+)", text)
    assert len(sums) > 100
    for left, sign, right, result in sums:
        value = int(left) + int(right) if sign == "plus" else int(left) - int(right)
        assert value == int(result)


def test_the_farewell_recalls_the_name() -> None:
    recalled = 0
    for line in demo_text(100_000).splitlines():
        if found := re.search(r"your name is (\w+)\.", line):
            recalled += 1
            assert re.match(rf"<\|user\|> .*?(name is|I am) {found[1]}\b", line)
    assert recalled > 10


def test_every_topic_answers_every_question() -> None:
    draw = Draw(3)
    for topic in TOPICS:
        for question, answer in topic(draw):
            assert question[-1] in ".?"
            assert answer[-1] == "."


def test_two_bytes_of_context_are_not_enough_to_predict_it() -> None:
    text = demo_text(200_000).encode()
    assert order2_bits_per_byte(text[:160_000], text[160_000:]) > 1.5


def test_too_few_characters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"4,999 characters are too few .* 5,000; raise --chars"):
        write_demo_corpus(tmp_path / "a", 4999)


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "below.txt"):
        with pytest.raises(ValueError, match=r"cannot be written \([^\n]+\); choose another --out"):
            write_demo_corpus(path, 5000)


def test_another_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("my own text", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.txt exists and is not overwritten"):
        write_demo_corpus(path, 5000)
    assert path.read_text(encoding="utf-8") == "my own text"
