"""Corpora made of a small text."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scaling.corpus import endless, write_corpus
from tests.stretched import stretched
from trainer.near_duplicates import group_near_duplicates

WORDS = "the quick brown fox jumps over a lazy dog while seven wizards box with jade sphinxes"
TEXT = "\n\n".join(" ".join(np.random.default_rng(n).permutation(WORDS.split())) for n in range(40))


@pytest.mark.parametrize("num_bytes", [1, 1000, 50_000])
def test_a_corpus_is_as_long_as_asked_to_a_paragraph(tmp_path: Path, num_bytes: int) -> None:
    path = tmp_path / "corpus.txt"
    written = write_corpus(TEXT, path, num_bytes, np.random.default_rng(0))
    longest = 4 * max(map(len, TEXT.split("\n\n")))
    assert path.stat().st_size == written
    assert num_bytes <= written < num_bytes + longest


def test_the_words_are_those_of_the_text_and_its_repetitions_are_no_near_copies() -> None:
    corpus = "".join(islice(endless(TEXT, np.random.default_rng(1)), 400))
    assert set(corpus.split()) <= set(TEXT.split())
    size = len(corpus) // 10
    parts = [corpus[start : start + size] for start in range(0, 10 * size, size)]
    assert len(set(group_near_duplicates(stretched(parts)).groups)) == 10


def test_equal_seeds_write_equal_corpora(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "other"):
        write_corpus(TEXT, tmp_path / name, 5000, np.random.default_rng(7))
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no word"):
        next(endless("\n\n \n\n", np.random.default_rng(0)))
