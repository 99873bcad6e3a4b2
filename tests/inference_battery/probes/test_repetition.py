"""Loops, and what people repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.repetition import (
    longest_span_share,
    loop_share,
    raw_repetition,
    repetition,
)

HUMAN = (
    "The garden lay behind the house, and nobody had cut the grass since spring. A narrow path led "
    "down to the river, where two boats were tied to a post. In the afternoon the children came "
    "with bread and apples; they sat on the wall, threw crumbs at the ducks, and told each other "
    "stories about the miller's lost horse. When evening came, their mother called from the "
    "window. She had a clear voice which one could hear as far as the mill. Slowly, one after "
    "another, they climbed back, washed their hands at the pump and went in to supper. "
)


def test_human_text_scores_one() -> None:
    assert repetition(HUMAN[:200], HUMAN) == pytest.approx(1.0, abs=0.02)


def test_an_endless_loop_scores_near_zero() -> None:
    assert repetition("the man was " * 30, HUMAN) < 0.1
    assert repetition("a" * 300, HUMAN) < 0.1


def test_the_longer_the_loop_the_lower_the_score() -> None:
    scores = [repetition(HUMAN[:200] + "the man was " * n, HUMAN) for n in (0, 8, 16, 32)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.4


def test_repetition_that_people_show_too_costs_nothing() -> None:
    ballad = "O my love, my love is gone away.\n" * 40
    assert repetition("O my love, my love is gone away.\n" * 6, ballad) > 0.85
    assert repetition("O my love, my love is gone away.\n" * 6, HUMAN) < 0.2


def test_spans_and_loops_are_what_the_formula_says() -> None:
    assert longest_span_share("abcabc") == pytest.approx(3 / 6)
    assert longest_span_share("aaaa") == pytest.approx(3 / 4)
    assert longest_span_share("abcdef") == 0
    assert loop_share("one two three one two three", 3) == pytest.approx(1 / 4)
    assert loop_share("one two", 3) == 0


def test_an_empty_sample_scores_zero() -> None:
    assert repetition(" \n", HUMAN) == 0


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_score_stays_in_its_range(text: str, reference: str) -> None:
    assert 0 <= raw_repetition(text) < 1
    assert 0 <= repetition(text, reference) <= 1


@given(st.text(alphabet="ab", max_size=40))
def test_the_longest_span_equals_brute_force(text: str) -> None:
    longest = max(
        (
            length
            for length in range(1, len(text))
            for start in range(len(text) - length)
            if text.find(text[start : start + length], start + 1) >= 0
        ),
        default=0,
    )
    assert longest_span_share(text) * len(text) == pytest.approx(longest)
