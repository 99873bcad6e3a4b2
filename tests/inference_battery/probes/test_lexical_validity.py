"""Known words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.lexical_validity import lexical_validity, vocabulary, words
from state.seeds import generator

REFERENCE = "The garden lay behind the house, and a boat was tied to the post of an old mill."
KNOWN = vocabulary(REFERENCE)


def random_characters(num_characters: int) -> str:
    pool = string.ascii_letters + string.punctuation + " " * 12
    drawn = generator(1, "noise").integers(len(pool), size=num_characters)
    return "".join(pool[i] for i in drawn)


def test_the_reference_itself_scores_one() -> None:
    assert lexical_validity(REFERENCE, KNOWN, ended=True) == 1


def test_random_characters_score_far_below_text() -> None:
    assert lexical_validity(random_characters(2000), KNOWN, ended=True) < 0.2


def test_words_count_by_their_letters() -> None:
    assert lexical_validity("a garden xyzw", KNOWN, ended=True) == pytest.approx(7 / 11)


def test_a_word_that_was_cut_off_is_not_held_against_the_model() -> None:
    assert lexical_validity("the gard", KNOWN, ended=False) == 1
    assert lexical_validity("the gard", KNOWN, ended=True) == pytest.approx(3 / 7)
    assert lexical_validity("the gard ", KNOWN, ended=False) == pytest.approx(3 / 7)


def test_case_digits_and_markers_are_no_part_of_a_word() -> None:
    assert list(words("<|user|>The 2nd_Mill's")) == ["the", "nd", "mill", "s"]


@pytest.mark.parametrize("text", ["", "123 !?", "<|end_of_text|>"])
def test_a_text_without_words_scores_zero(text: str) -> None:
    assert lexical_validity(text, KNOWN, ended=True) == 0


@given(st.text(), st.text(), st.booleans())
def test_the_score_stays_in_its_range(text: str, reference: str, ended: bool) -> None:
    assert 0 <= lexical_validity(text, vocabulary(reference), ended=ended) <= 1
