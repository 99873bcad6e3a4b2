"""What a text is about."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.reference import Reference
from inference_battery.topics import Topics
from tests.inference_battery.corpora import SCENES, corpus_reference


def words_of(index: int, start: int) -> str:
    """Every second noun of a scene, from the given one on."""
    here = SCENES[index]
    return " ".join([*here.people, *here.things, *here.places][start::2])


def likeness(topics: Topics, one: str, other: str) -> float:
    """Cosine of the places of two texts; 0 where one has none."""
    first, second = topics.place(one), topics.place(other)
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm > 0 else 0.0


@pytest.mark.parametrize("index", range(len(SCENES)))
def test_different_words_of_one_subject_are_alike(prose: Reference, index: int) -> None:
    topics = prose.topics
    own = likeness(topics, words_of(index, 0), words_of(index, 1))
    others = [
        likeness(topics, words_of(index, 0), words_of(other, 1))
        for other in range(len(SCENES))
        if other != index
    ]
    assert own > 0.4
    assert max(others) < own - 0.2


def test_a_text_is_wholly_like_itself_and_like_itself_twice(prose: Reference) -> None:
    text = "The captain hoisted the anchor near the reef"
    assert likeness(prose.topics, text, text) == pytest.approx(1)
    assert likeness(prose.topics, text, text.upper()) == pytest.approx(1)


@given(st.text(max_size=100), st.text(max_size=100))
def test_likeness_is_symmetric_and_stays_in_its_range(one: str, other: str) -> None:
    topics = corpus_reference("text").topics
    assert -1 - 1e-9 <= likeness(topics, one, other) <= 1 + 1e-9
    assert likeness(topics, one, other) == pytest.approx(likeness(topics, other, one))


@pytest.mark.parametrize("text", ["", "zyxwv", "<|user|>"])
def test_a_text_without_known_words_is_like_nothing(prose: Reference, text: str) -> None:
    assert likeness(prose.topics, text, "the captain") == 0
    assert not prose.topics.place(text).any()


@pytest.mark.parametrize(
    "train",
    [
        pytest.param("", id="empty"),
        pytest.param("captain anchor deck " * 100, id="few windows"),
        pytest.param(" ".join(map("".join, permutations("abcdefghij", 3))), id="rare words"),
        pytest.param("captain " * 900, id="one word"),
        pytest.param("captain anchor " * 900, id="the same words in every window"),
    ],
)
def test_a_text_that_tells_no_subjects_apart_likens_nothing(train: str) -> None:
    assert likeness(Topics(train), "captain anchor", "captain anchor") == 0


def test_two_fits_of_one_text_are_equal(prose: Reference) -> None:
    again = Topics(prose.train)
    text = words_of(0, 0)
    np.testing.assert_allclose(again.place(text), prose.topics.place(text))
