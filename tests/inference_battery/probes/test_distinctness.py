"""Distinct words and pairs, up to what people show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.distinctness import distinct_share, distinctness
from inference_battery.reference import Reference
from tests.inference_battery.corpora import sample, talk_reference


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("one two one two", (2 / 4 + 2 / 3) / 2),
        ("one two three", 1),
        ("One one, ONE", (1 / 3 + 1 / 2) / 2),
        ("one", 1),
        ("", 0),
        ("12 34", 0),
    ],
)
def test_the_share_is_the_mean_over_words_and_pairs(text: str, share: float) -> None:
    assert distinct_share(text) == pytest.approx(share)


def test_a_sample_is_held_against_people_s_variety() -> None:
    reference = talk_reference("one two", "one two one two")
    texts = ["one two one two", "one one one one one", "all of these differ"]
    found = distinctness([sample(text) for text in texts], reference)
    assert [one.score for one in found] == pytest.approx([1, (1 / 5 + 1 / 4) / (2 / 4 + 2 / 3), 1])


def test_the_same_words_over_and_over_score_low(prose: Reference) -> None:
    (found,) = distinctness([sample("the captain lowered the sail. " * 10)], prose)
    assert found.score < 0.3


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_a_second_copy_never_adds_variety(written: list[str]) -> None:
    once, twice = " ".join(written), " ".join(written * 2)
    assert distinct_share(twice) <= distinct_share(once)
