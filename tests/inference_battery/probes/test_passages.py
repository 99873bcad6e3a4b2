"""Stretches of human text."""

from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.passages import passages

TEXT = "one two three four five six seven eight nine ten " * 40


def test_passages_begin_at_words_and_have_the_length_asked_for() -> None:
    found = passages(TEXT, 100)
    assert len(found) == len(TEXT) // 100
    assert all(passage.split()[0] in TEXT.split() for passage in found)
    assert all(50 <= len(passage) <= 100 for passage in found)


def test_markers_are_taken_out() -> None:
    (passage,) = passages("<|user|> Who? <|assistant|> I. <|end_of_text|>", 100)
    assert passage == "Who? I."


def test_a_short_text_is_its_own_passage() -> None:
    assert passages("short", 64) == ("short",)
    assert passages(" \n", 64) == ()


@given(st.text(max_size=500), st.integers(1, 200))
def test_no_passage_is_empty_or_too_long(text: str, num_characters: int) -> None:
    assert all(0 < len(passage) <= num_characters for passage in passages(text, num_characters))
