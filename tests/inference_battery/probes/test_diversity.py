"""Different prompts, different words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.diversity import diversity, human_level, jaccard, shared_words
from inference_battery.reference import Reference
from tests.inference_battery.corpora import sample, talk_reference

WORDS = st.frozensets(st.sampled_from("abcdef"))


def test_shared_words_are_the_mean_jaccard_index_with_other_prompts() -> None:
    pairs = [("a", "one two"), ("b", "two three"), ("c", "four"), ("a", "One, two!")]
    assert shared_words(pairs) == pytest.approx(
        [(1 / 3 + 0) / 2, (1 / 3 + 0 + 1 / 3) / 3, 0, (1 / 3 + 0) / 2]
    )


@given(WORDS, WORDS)
def test_the_index_is_symmetric_and_one_for_equal_sets_only(
    one: frozenset[str], other: frozenset[str]
) -> None:
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= 1
    assert (jaccard(one, other) == 1) == (one == other)


def test_what_people_share_costs_nothing() -> None:
    reference = talk_reference("x", "one two", "one three")
    assert human_level(reference, 64) == pytest.approx(1 / 3)
    samples = [sample("red green", "a"), sample("red blue", "b")]
    assert [one.score for one in diversity(samples, reference)] == [1, 1]
    samples = [sample("red green", "a"), sample("red", "b")]
    expected = 1 - (1 / 2 - 1 / 3) / (1 - 1 / 3)
    assert [one.score for one in diversity(samples, reference)] == pytest.approx([expected] * 2)


def test_people_who_always_say_the_same_leave_a_tenth_to_tell_apart() -> None:
    assert human_level(talk_reference("x", "Yes.", "Yes!"), 64) == 0.9


def test_the_same_sentence_to_every_prompt_scores_zero(prose: Reference) -> None:
    samples = [sample("The captain lowered the sail.", str(i)) for i in range(5)]
    assert [one.score for one in diversity(samples, prose)] == [0] * 5


def test_the_same_sentence_to_one_prompt_at_every_temperature_costs_nothing(
    prose: Reference,
) -> None:
    samples = [
        sample("The captain lowered the sail.", "a", temperature=heat) for heat in (0.4, 0.7, 1.0)
    ]
    samples.append(sample("Nobody whistled in here today", "b"))
    assert [one.score for one in diversity(samples, prose)] == [1] * 4
