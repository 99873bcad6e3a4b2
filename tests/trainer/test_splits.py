"""Splits that are disjoint, sized as asked and the same in any order."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from state.records import Split
from state.seeds import generator
from tests.stretched import by_split, joined, stretched
from trainer.blocks import block_size, cut_blocks
from trainer.config import Contiguous, DataConfig
from trainer.corpus import Corpus
from trainer.demo_corpus import demo_text
from trainer.near_duplicates import group_near_duplicates, normalise
from trainer.splits import Units, split_contiguous
from trainer.splits import split_corpus as deal_corpus

WORDS = ("ship", "lamp", "river", "stone", "cloud", "table", "friend", "north", "silver", "garden")


def corpus(*documents: str) -> Corpus:
    content = "".join(documents).encode()
    read, lengths = partial(stretched, documents), [len(document) for document in documents]
    return Corpus(read, lengths, "chat", len(content), sha256(content).hexdigest())


def split_corpus(
    whole: Corpus, search: float, test: float, units_of: Units = "auto"
) -> dict[Split, tuple[str, ...]]:
    return by_split(deal_corpus(whole, search, test, units_of))


def group(texts: Iterable[str]) -> NDArray[np.intp]:
    return group_near_duplicates(stretched(texts)).groups


def sentence(index: int, num_words: int = 40) -> str:
    """A text unlike that of any other index."""
    draws = generator(index, "sentence").integers(10**6, size=num_words)
    return " ".join(f"{WORDS[draw % len(WORDS)]}{draw}" for draw in draws) + "\n"


def prose(num_paragraphs: int) -> str:
    return "\n".join(sentence(index, 80) for index in range(num_paragraphs))


def share(documents: tuple[str, ...], whole: Corpus) -> float:
    return sum(len(document.encode()) for document in documents) / whole.num_bytes


def test_every_document_is_in_exactly_one_split() -> None:
    whole = corpus(*map(sentence, range(300)))
    splits = split_corpus(whole, 0.1, 0.2)
    assert Counter(joined(whole.read())) == sum(map(Counter, splits.values()), Counter())
    assert all(count == 1 for count in Counter(sum(splits.values(), ())).values())


@given(
    lengths=st.lists(st.integers(1, 60), min_size=20, max_size=60),
    search=st.floats(0.05, 0.3),
    test=st.floats(0.05, 0.3),
)
@settings(max_examples=30, deadline=None)
def test_fractions_are_met_within_half_a_document(
    lengths: list[int], search: float, test: float
) -> None:
    whole = corpus(*(sentence(index, length) for index, length in enumerate(lengths)))
    splits = split_corpus(whole, search, test)
    longest = max(len(unit) for units in splits.values() for unit in units) / whole.num_bytes
    assert share(splits["test"], whole) == pytest.approx(test, abs=longest / 2 + 1e-9)
    assert share(splits["search"], whole) == pytest.approx(search, abs=longest / 2 + 1e-9)


def test_the_order_of_documents_does_not_matter() -> None:
    documents = [sentence(index) for index in range(200)]
    forward = split_corpus(corpus(*documents), 0.1, 0.1)
    backward = split_corpus(corpus(*documents[::-1]), 0.1, 0.1)
    assert {name: units[::-1] for name, units in forward.items()} == backward


def test_a_new_document_moves_few_others() -> None:
    documents = [sentence(index) for index in range(400)]
    before = split_corpus(corpus(*documents), 0.1, 0.1)["test"]
    after = split_corpus(corpus(*documents, sentence(400)), 0.1, 0.1)["test"]
    assert len(set(before) ^ set(after)) <= 2


def test_near_duplicates_stay_on_one_side() -> None:
    originals = [sentence(index, 60) for index in range(150)]
    copies = [
        *(text.upper().replace(" ", "  ") for text in originals),
        *(text.replace(text.split()[30], "other") for text in originals),
        *("By the way: " + text for text in originals),
    ]
    splits = split_corpus(corpus(*originals, *copies), 0.1, 0.1)
    side = {unit: name for name, units in splits.items() for unit in units}
    assert {name: len(units) > 20 for name, units in splits.items()} == dict.fromkeys(splits, True)
    for index, text in enumerate(originals):
        assert {side[copies[index + 150 * kind]] for kind in range(3)} == {side[text]}


def test_unrelated_texts_do_not_form_groups() -> None:
    groups = group([sentence(index) for index in range(500)])
    assert len(set(groups.tolist())) == 500


def test_a_corpus_of_templates_does_not_become_one_group() -> None:
    frame = sentence(0, 30).strip()
    texts = [f"{frame} {sentence(index, 6)}" for index in range(1, 200)]
    assert np.bincount(group(texts)).max() <= 0.25 * len(texts)
    splits = split_corpus(corpus(*texts), 0.1, 0.1)
    assert len(splits["test"]) == pytest.approx(20, abs=2)


def test_texts_equal_but_for_case_and_space_share_a_group_whatever_their_number() -> None:
    groups = group(["Good  day\n", "good day", *["GOOD DAY"] * 50, "good night"])
    assert len(set(groups[:52].tolist())) == 1
    assert groups[52] != groups[0]
    assert normalise("Good  day\n") == b"good day"


@pytest.mark.parametrize(
    "text",
    [
        prose(60),
        prose(60).replace("\n", "\r\n"),
        prose(60).replace("\n", " "),
        "x" * 50_000,
        "\n" * 9000 + "é\n\n\n" * 3000,
    ],
)
def test_blocks_join_to_the_text_and_keep_their_size(text: str) -> None:
    blocks = list(cut_blocks([text], 2000))
    assert "".join(blocks) == text
    assert all(1000 <= len(block) <= 4000 for block in blocks[:-1])


def test_blocks_end_with_a_paragraph_where_they_can() -> None:
    assert all(block.endswith("\n\n") for block in list(cut_blocks([prose(60)], 4000))[:-1])


def test_a_repeated_chapter_falls_into_equal_blocks() -> None:
    chapter = prose(60)
    blocks = list(cut_blocks([chapter, sentence(1000, 100), "\n\n", chapter], 2000))
    repeated = sum(count for count in Counter(blocks).values() if count > 1)
    assert repeated > 0.8 * len(blocks)


def test_running_text_is_cut_into_about_a_hundred_blocks() -> None:
    assert block_size(500_000) == 5000
    assert block_size(2_100_000) == 8192
    assert block_size(60_000) == 2048
    assert block_size(20_000) == 1000
    whole = corpus(prose(400))
    splits = split_corpus(whole, 0.1, 0.1)
    assert share(splits["test"], whole) == pytest.approx(0.1, abs=0.02)
    assert sum(map(len, splits.values())) > 80


def test_the_demo_corpus_splits_as_asked() -> None:
    documents = demo_text(100_000).splitlines(keepends=True)
    whole = corpus(*documents)
    splits = split_corpus(whole, 0.1, 0.1)
    assert share(splits["test"], whole) == pytest.approx(0.1, abs=0.01)


def test_one_character_can_be_split() -> None:
    assert split_corpus(corpus("x"), 0.1, 0.1) == {"train": ("x",), "search": (), "test": ()}


def characters(splits: dict[Split, tuple[str, ...]]) -> dict[str, str]:
    return {name: "".join(units) for name, units in splits.items()}


def test_contiguous_parts_are_the_first_and_the_last_characters_of_the_text() -> None:
    text = prose(40)
    whole, cut = corpus(text), int(0.9 * len(text))
    splits = by_split(split_contiguous(whole, Contiguous(train=0.9, search=0.1, test=0)))
    assert splits == {"train": (text[:cut],), "search": (text[cut:],), "test": ()}


@given(
    st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=12),
    st.integers(1, 98),
    st.integers(1, 98),
)
def test_contiguous_parts_join_to_the_text_in_its_order(
    documents: list[str], train: int, search: int
) -> None:
    search = min(search, 100 - train)
    parts = Contiguous(train=train / 100, search=search / 100, test=(100 - train - search) / 100)
    parted = characters(by_split(split_contiguous(corpus(*documents), parts)))
    text = "".join(documents)
    assert "".join(parted.values()) == text
    assert len(parted["train"]) == train * len(text) // 100
    assert parted["test"] == "" or train + search < 100


def test_documents_stay_apart_unless_a_border_falls_into_one() -> None:
    parts = Contiguous.parse("contiguous:.6,.2,.2")
    splits = by_split(split_contiguous(corpus("aaaa", "bbbb", "cc"), parts))
    assert splits == {"train": ("aaaa", "bb"), "search": ("bb",), "test": ("cc",)}


def test_documents_are_dealt_out_whole_or_the_text_in_blocks_where_that_is_asked_for() -> None:
    whole = corpus(prose(200), *map(sentence, range(20)))
    documents = split_corpus(whole, 0.1, 0.1, "document")
    assert sum(documents.values(), ()).count(next(iter(joined(whole.read())))) == 1
    blocks = split_corpus(whole, 0.1, 0.1, "block")
    size = block_size(sum(whole.lengths))
    assert max(len(unit) for units in blocks.values() for unit in units) <= 2 * size
    assert share(blocks["test"], whole) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contiguous:0.9,0.1", "give one of auto, document, block, contiguous"),
        ("thirds", "give one of auto, document, block, contiguous"),
        ("contiguous:0.9,0.2,0", "adds up to 1.1, not to 1"),
        ("contiguous:1,0,0", "less than 1"),
        ("contiguous:nan,0.5,0.5", "finite number"),
    ],
)
def test_parts_that_do_not_fill_the_text_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig.model_validate({"split": text})
