"""Which kind of text a token is, whatever the tokenizer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.diagnostics.token_kinds import KINDS, token_kinds
from trainer.tokenizer import NUM_CONTROLS, CharTokenizer, Tokenizer, train_tokenizer

TEXT = "<|user|> The café…s 12 dogs,\nno <|end_of_text|>"


def kinds(codec: Tokenizer, text: str) -> list[tuple[str, str]]:
    ids = np.asarray(codec.encode(text), dtype=np.int64)
    names = [KINDS[kind] for kind in token_kinds(codec, ids).tolist()]
    return [(codec.decode([token]), name) for token, name in zip(ids.tolist(), names, strict=True)]


def test_characters_are_told_apart() -> None:
    found = kinds(CharTokenizer("char", "é…"), TEXT)
    by_kind = {name: "".join(text for text, kind in found if kind == name) for name in KINDS}
    assert by_kind == {
        "word start": "Tcsdn",
        "inside word": "heaféogso",
        "digit": "12",
        "punctuation": "…,",
        "white space": "    \n ",
        "control": "<|user|><|end_of_text|>",
    }


def test_a_piece_of_a_word_begins_one_behind_white_space_alone() -> None:
    codec = train_tokenizer("bpe", [" the then there 12 12 12" * 20], 300)
    found = dict(kinds(codec, "the <|user|> then 12"))
    assert found[" then"] == "word start"
    assert found[" 12"] == "digit"
    assert found["<|user|>"] == "control"
    pieces = kinds(codec, " thex")
    assert [kind for _, kind in pieces] == ["word start", "inside word"]


def test_the_bytes_of_one_letter_are_one_word() -> None:
    found = [kind for _, kind in kinds(CharTokenizer("byte"), "é a")]
    assert found == ["word start", "inside word", "white space", "word start"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@pytest.mark.parametrize("kind", ["byte", "char"])
def test_every_token_has_a_kind_and_only_markers_are_controls(kind: str, text: str) -> None:
    codec = CharTokenizer("byte") if kind == "byte" else CharTokenizer("char", "é…")
    ids = np.asarray(codec.encode(text), dtype=np.int64)
    found = token_kinds(codec, ids)
    assert found.shape == ids.shape
    assert ((found == KINDS.index("control")) == (ids < NUM_CONTROLS)).all()


def test_a_stream_cut_inside_a_character_is_read_all_the_same() -> None:
    codec = CharTokenizer("byte")
    ids = np.asarray(codec.encode("é a"), dtype=np.int64)[1:]
    assert len(token_kinds(codec, ids)) == 3
