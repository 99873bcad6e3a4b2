"""What is found in a text does not depend on the stretches in which it comes."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stretched import joined, stretched
from trainer.blocks import cut_blocks
from trainer.config import TokenizerKind
from trainer.dialogues import END_OF_TEXT, cut_dialogues
from trainer.near_duplicates import group_near_duplicates
from trainer.stretches import outside_markers, recut
from trainer.tokenizer import CONTROL_MARKERS, CUTS, train_tokenizer

GAPS = (" ", "  ", "\n", "\n\n", "\r\n", "\n\r\n", "\t", "\u3000", "\x1c", "\x85")
WORDS = (
    "the",
    "ΟΔΟΣ",
    "'s",
    "we'll",
    "12",
    "--",
    "é",
    "👋🏽",
    "e\u0301",
    "x" * 30,
    "<",
    "|>",
    "<|us",
)
TOKENIZERS = {
    kind: train_tokenizer(kind, [" the then 12 we'll é\n" * 30, "--\n\n the"], 300)
    for kind in ("byte", "char", "bpe")
}
texts = st.lists(st.sampled_from((*GAPS, *GAPS, *WORDS, *CONTROL_MARKERS)), max_size=60).map(
    "".join
)
sizes = st.integers(1, 40)


@given(text=texts, size=sizes)
@settings(deadline=None)
def test_dialogues_end_behind_the_white_space_after_a_marker(text: str, size: int) -> None:
    form = re.compile(rf".*?(?:{re.escape(END_OF_TEXT)}\s*|\Z)", re.DOTALL)
    expected = tuple(found[0] for found in form.finditer(text) if found[0])
    assert joined(cut_dialogues(stretched([text], size))) == expected


@given(text=texts, size=sizes, length=st.integers(1, 50))
@settings(deadline=None)
def test_blocks_are_those_of_the_whole_text(text: str, size: int, length: int) -> None:
    stretches = (stretch.text for stretch in stretched([text], size))
    blocks = list(cut_blocks(stretches, length))
    assert blocks == list(cut_blocks([text], length))
    assert "".join(blocks) == text


@pytest.mark.parametrize("kind", ["byte", "char", "bpe"])
@given(text=texts, size=sizes)
@settings(deadline=None)
def test_stretches_have_the_tokens_of_the_whole_text(
    kind: TokenizerKind, text: str, size: int
) -> None:
    tokenizer = TOKENIZERS[kind]
    parts = [tokenizer.encode(part) for part, _ in recut(stretched([text], size), CUTS[kind])]
    np.testing.assert_array_equal(np.concatenate(parts), tokenizer.encode(text))


@given(texts=st.lists(texts, min_size=1, max_size=8), size=sizes)
@settings(max_examples=30, deadline=None)
def test_hashes_and_groups_are_those_of_whole_texts(texts: list[str], size: int) -> None:
    whole = group_near_duplicates(stretched(texts))
    for found, expected in zip(group_near_duplicates(stretched(texts, size)), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert whole.sizes.tolist() == [len(text.encode()) for text in texts]


@pytest.mark.parametrize("marker", CONTROL_MARKERS)
def test_no_cut_falls_into_a_marker(marker: str) -> None:
    begun = [f"a<{marker[:length]}" for length in range(1, len(marker))]
    assert [outside_markers(text) for text in begun] == [2] * len(begun)
    assert outside_markers(marker + "a") == len(marker) + 1
