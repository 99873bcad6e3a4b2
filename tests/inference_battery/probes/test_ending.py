"""Whole sentences and natural ends."""

import pytest

from inference_battery.probes.ending import ends_well, whole_sentences
from inference_battery.reference import Reference
from tests.inference_battery.corpora import sample, talk_reference


@pytest.mark.parametrize(
    ("text", "score"),
    [("I am.", 1), ("I am", 2 / 3), ("I am. <|user|> Oh.", 2 / 3), ("I am <|user|>", 1 / 3)],
)
def test_an_answer_that_was_closed_should_end_a_sentence_and_hold_no_marker(
    text: str, score: float
) -> None:
    reference = talk_reference("x", "I am.")
    assert ends_well(sample(text, ended=True), reference) == pytest.approx(score)


@pytest.mark.parametrize(("length", "score"), [(1, 1), (4, 1), (5, 5 / 6), (9, 4 / 6), (12, 1 / 2)])
def test_an_answer_that_was_cut_off_is_as_natural_as_people_s_are_long(
    length: int, score: float
) -> None:
    """People wrote 5, 9 and 12 characters."""
    reference = talk_reference("x", "I am.", "You know.", "So do I, sir")
    assert ends_well(sample("a" * length, ended=False), reference) == pytest.approx(score)


def test_a_marker_in_an_answer_that_was_cut_off_is_a_fault() -> None:
    reference = talk_reference("x", "Yes.")
    assert ends_well(sample("I am <|user|> so", ended=False), reference) == 0


@pytest.mark.parametrize(
    ("text", "share"),
    [
        pytest.param("and so it was. She laughed. Then they we", 3 / 3, id="goes on and is cut"),
        pytest.param("and so. on it went. then more. an", 1 / 4, id="no capitals"),
        pytest.param("#$%. &*(@. )!x. ", 0, id="no letters"),
        pytest.param("no end in sight", 0, id="no sentence"),
        pytest.param("So. He went. " + "And " * 81 + ".", 1 / 3, id="too short, too long"),
        pytest.param("He -- ((went)) -- ##.", 0, id="more marks than letters"),
        pytest.param('He went. "Yes, she did," he said.', 1, id="a quote opens a sentence"),
        pytest.param("It was so. 20 men came.", 1, id="a number opens a sentence"),
        pytest.param("", 0, id="empty"),
    ],
)
def test_sentences_that_look_right_are_counted(text: str, share: float) -> None:
    assert whole_sentences(text) == pytest.approx(share)


def test_a_text_is_held_against_people_s_sentences(prose: Reference) -> None:
    text = "and so. then on it went. Then more. an"
    human = prose.mean("sentences", whole_sentences, len(text), 0.0)
    assert 0.5 < human < 1
    assert ends_well(sample(text), prose) == pytest.approx(0.5 / human)


def test_text_that_has_no_sentences_by_nature_is_not_punished() -> None:
    items = Reference("bread", ["bread milk salt " * 20], "text")
    assert ends_well(sample("apples pears plums"), items) == 1


def test_case_and_marks_matter_in_text(prose: Reference) -> None:
    people = prose.passages(300)
    without_marks = [one.replace(".", "").replace("?", "") for one in people]
    for texts, least, most in (
        (people, 0.9, 1),
        ([one.lower() for one in people], 0, 0.4),
        (without_marks, 0, 0),
    ):
        scores = [ends_well(sample(text), prose) for text in texts]
        assert least <= sum(scores) / len(scores) <= most
