"""Every tokenizer returns every text, knows its bytes and saves the same file for the same text."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.config import TokenizerKind
from trainer.tokenizer import (
    CONTROL_MARKERS,
    CONTROL_NAMES,
    Tokenizer,
    auto_vocab_size,
    load_tokenizer,
    train_tokenizer,
)

KINDS: tuple[TokenizerKind, ...] = ("byte", "char", "bpe")
DOCUMENTS = tuple(
    f"<|user|> Wie spät ist es, Zoë? “{n}” <|assistant|> Es ist {n} Uhr. <|end_of_text|>\n"
    for n in range(200)
)
TOKENIZERS = {kind: train_tokenizer(kind, DOCUMENTS) for kind in KINDS}
each_kind = pytest.mark.parametrize("kind", KINDS)

fragments = st.one_of(
    st.text(max_size=20),
    st.sampled_from([
        *CONTROL_MARKERS, "<|user", "|>", "<|", "<|<|user|>|>", " ", "  ", "\n", "\r\n", "\x00",
        "\x7f", "\x85", "\u2028", "\ufeff", "\ufffd", "\u0120", "\u010a", "\u2581", "e\u0301",
        "\u65e5\u672c", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f469\u200d\U0001f467",
    ]),
)  # fmt: skip
texts = st.lists(fragments, max_size=12).map("".join)


@each_kind
@given(text=texts)
@settings(max_examples=150, deadline=None)
def test_any_unicode_string_comes_back_exactly(kind: TokenizerKind, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text)
    assert ids.dtype == np.uint32
    assert ids.size == 0 or ids.max() < tokenizer.vocab_size
    assert tokenizer.decode(ids) == text
    assert tokenizer.token_bytes(ids) == text.encode()
    assert tokenizer.num_bytes(ids) == tokenizer.byte_lengths[ids].sum() == len(text.encode())


@each_kind
def test_markers_are_single_ids_wherever_they_stand(kind: TokenizerKind) -> None:
    tokenizer = TOKENIZERS[kind]
    assert set(tokenizer.control_ids) == set(CONTROL_NAMES)
    for name, marker in zip(CONTROL_NAMES, CONTROL_MARKERS, strict=True):
        assert tokenizer.encode(marker).tolist() == [tokenizer.control_ids[name]]
        inside = tokenizer.encode(f"a{marker}b").tolist()
        assert inside.count(tokenizer.control_ids[name]) == 1
    assert tokenizer.end_of_text_id == tokenizer.control_ids["end_of_text"]


@each_kind
def test_half_a_character_decodes_to_the_replacement_character(kind: TokenizerKind) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode("👋")
    assert len(ids) > 1
    assert tokenizer.decode(ids[:1]) == "\ufffd"
    assert tokenizer.decode([]) == ""


@each_kind
def test_documents_are_encoded_one_by_one(kind: TokenizerKind) -> None:
    tokenizer = TOKENIZERS[kind]
    encoded = list(tokenizer.encode_documents(DOCUMENTS))
    assert len(encoded) == len(DOCUMENTS)
    for document, ids in zip(DOCUMENTS, encoded, strict=True):
        np.testing.assert_array_equal(ids, tokenizer.encode(document))


@each_kind
def test_a_saved_tokenizer_loads_as_the_same_and_its_file_does_not_depend_on_order(
    tmp_path: Path, kind: TokenizerKind
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    TOKENIZERS[kind].save(first)
    train_tokenizer(kind, DOCUMENTS[::-1]).save(second)
    assert first.read_bytes() == second.read_bytes()
    loaded: Tokenizer = load_tokenizer(first)
    assert (loaded.kind, loaded.vocab_size) == (kind, TOKENIZERS[kind].vocab_size)
    text = "<|user|> größer? 👋 <|end_of_text|>\n"
    np.testing.assert_array_equal(loaded.encode(text), TOKENIZERS[kind].encode(text))
    np.testing.assert_array_equal(loaded.byte_lengths, TOKENIZERS[kind].byte_lengths)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "word", "characters": ""}'])
def test_another_file_is_not_loaded(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokenizer\.json is no tokenizer .* prepare the data"):
        load_tokenizer(path)


def test_vocabularies_have_the_documented_sizes() -> None:
    assert TOKENIZERS["byte"].vocab_size == 7 + 256
    assert TOKENIZERS["char"].vocab_size == 7 + 256 + len("äë“”")
    assert train_tokenizer("bpe", DOCUMENTS, 300).vocab_size == 300
    assert train_tokenizer("bpe", ["ab"], 1024).vocab_size == 7 + 256


def test_a_learnt_character_is_one_token_and_another_its_bytes() -> None:
    assert TOKENIZERS["char"].encode("aë").size == 2
    assert TOKENIZERS["char"].encode("ßa").size == 3


def test_no_merge_crosses_or_repeats_a_marker(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    TOKENIZERS["bpe"].save(path)
    vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    learnt = [token for token in vocabulary if token not in CONTROL_MARKERS]
    assert not [token for token in learnt if "<|" in token or "|>" in token or "user" in token]


def test_the_vocabulary_grows_with_the_corpus() -> None:
    sizes = {10**5: 512, 5 * 10**5: 1024, 2 * 10**6: 2048, 8 * 10**6: 4096}
    assert {num_bytes: auto_vocab_size(num_bytes) for num_bytes in sizes} == sizes
    assert auto_vocab_size(0) == auto_vocab_size(1000) == 512
    assert auto_vocab_size(10**11) == 16384
