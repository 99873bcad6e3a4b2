"""Words, pieces and sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.text import (
    ends_a_sentence,
    pieces,
    sentences,
    whole_words,
    without_markers,
    words,
)


def test_words_are_lower_cased_runs_of_letters_outside_of_markers() -> None:
    text = "<|user|>The 2nd_Mill's caf\u00e9<|end_of_text|>"
    assert list(words(text)) == ["the", "nd", "mill", "s", "caf\u00e9"]


def test_pieces_are_words_numbers_and_single_marks() -> None:
    assert pieces("<|user|>No_1: 'Wait...' 42nd!") == [
        *("no", "_", "1", ":", "'", "wait", ".", ".", ".", "'", "42", "nd", "!")
    ]


@pytest.mark.parametrize(
    ("text", "ended", "expected"),
    [
        ("the gard", False, ["the"]),
        ("the gard", True, ["the", "gard"]),
        ("the gard ", False, ["the", "gard"]),
        ("the gard.", False, ["the", "gard"]),
        ("", False, []),
        ("gard", False, []),
    ],
)
def test_a_last_word_that_may_be_cut_off_is_left_out(
    text: str, ended: bool, expected: list[str]
) -> None:
    assert whole_words(text, ended=ended) == expected


def test_a_marker_leaves_a_space() -> None:
    assert without_markers("one<|user|>two <|x> <|end_of_text|>") == "one two <|x>  "


def test_a_sentence_ends_with_the_quotes_that_close_it() -> None:
    text = 'He said "no!" Then 3.5 miles\u2026 (Why?) and the'
    assert sentences(text) == ['He said "no!"', " Then 3.5 miles\u2026", " (Why?)"]
    assert sentences("no end") == []
    assert sentences("") == []


@given(st.text(alphabet='ab .!?")\n', max_size=60))
def test_sentences_are_the_text_but_for_an_unfinished_rest(text: str) -> None:
    found = sentences(text)
    assert text.startswith("".join(found))
    assert all(ends_a_sentence(one) for one in found)


@given(st.text(max_size=100))
def test_pieces_leave_only_spaces_and_markers_out(text: str) -> None:
    # Where a word ends, a lower-cased sigma has another form.
    bare = "".join(without_markers(text).split()).lower().replace("\u03c2", "\u03c3")
    assert "".join(pieces(text)).replace("\u03c2", "\u03c3") == bare
    assert set(words(text)) <= set(pieces(text))


@pytest.mark.parametrize(
    "text", ["Yes.", 'He said "no!" ', "Why?)", "It ends\u2026", "\u7d42\u3002", "*Stop.*"]
)
def test_closing_quotes_may_follow_the_end_of_a_sentence(text: str) -> None:
    assert ends_a_sentence(text)


@pytest.mark.parametrize("text", ["", "and then", "one,", '"', "3.5"])
def test_other_ends_are_not_the_end_of_a_sentence(text: str) -> None:
    assert not ends_a_sentence(text)
