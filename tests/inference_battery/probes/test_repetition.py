"""Loops, and what people repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.repetition import (
    does_not_loop,
    longest_span_share,
    loop_share,
    raw_repetition,
)
from inference_battery.reference import Reference
from tests.inference_battery.corpora import corpus, talk_reference

BALLAD = "O my love, my love is gone away.\n"


def test_an_endless_loop_scores_near_zero(prose: Reference) -> None:
    assert does_not_loop("the man was " * 30, prose) < 0.1
    assert does_not_loop("a" * 300, prose) < 0.1


def test_the_longer_the_loop_the_lower_the_score(prose: Reference) -> None:
    text = corpus("text")[2][0][:200]
    scores = [does_not_loop(text + "the man was " * n, prose) for n in (0, 8, 16, 32)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert scores[0] - scores[-1] > 0.4


def test_repetition_that_people_show_too_costs_nothing(prose: Reference) -> None:
    ballads = talk_reference("o my love", *[BALLAD * n for n in (6, 7, 8)])
    assert does_not_loop(BALLAD * 6, ballads) > 0.85
    assert does_not_loop(BALLAD * 6, prose) < 0.2


def test_the_score_is_what_is_left_of_what_people_do_not_repeat() -> None:
    reference = talk_reference("x", "abcabc", "abcabc")
    # People's longest span is half of their text; this one's is three of four characters.
    assert does_not_loop("aaaa", reference) == pytest.approx(1 - (3 / 4 - 1 / 2) / (1 - 1 / 2))
    assert does_not_loop("abcd", reference) == 1


def test_spans_and_loops_are_what_the_formula_says() -> None:
    assert longest_span_share("abcabc") == pytest.approx(3 / 6)
    assert longest_span_share("aaaa") == pytest.approx(3 / 4)
    assert longest_span_share("abcdef") == 0
    assert loop_share("one two three one two three", 3) == pytest.approx(1 / 4)
    assert loop_share("one two three one two three", 4) == 0
    assert loop_share("one two", 3) == 0
    assert raw_repetition("one two three one two three") == pytest.approx(13 / 27)


def test_several_short_runs_count_together() -> None:
    runs = ["a b c", "d e f", "g h i", "j k l", "m n o", "p q r"]
    text = " ".join(f"{run} x{run[0]} {run} y{run[0]}" for run in runs)
    repeated = len(runs) / (len(text.split()) - 2)
    assert loop_share(text, 3) == pytest.approx(repeated)
    assert loop_share(text, 4) == 0
    assert longest_span_share(text) < repeated
    assert raw_repetition(text) == pytest.approx(repeated)


@given(st.text(max_size=300))
def test_a_text_never_repeats_whole(text: str) -> None:
    assert 0 <= raw_repetition(text) < 1


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
