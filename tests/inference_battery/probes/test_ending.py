"""Whole sentences and natural ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.ending import ending, ends_a_sentence, whole_sentences
from inference_battery.prompts import Domain

HUMAN = (
    "The house was empty. Nobody had lived there for years! She opened the door and went in. "
    "Was there a light upstairs? He did not know. They waited until the morning came. "
) * 6


@pytest.mark.parametrize(
    "text", ["Yes.", 'He said "no!" ', "Why?)", "It ends\u2026", "\u7d42\u3002"]
)
def test_closing_quotes_may_follow_the_end_of_a_sentence(text: str) -> None:
    assert ends_a_sentence(text)


@pytest.mark.parametrize("text", ["", "and then", "one,", '"'])
def test_other_ends_are_not_the_end_of_a_sentence(text: str) -> None:
    assert not ends_a_sentence(text)


@pytest.mark.parametrize(
    ("text", "ended", "score"),
    [("I am.", True, 1), ("I am.", False, 0.5), ("I am", True, 0.5), ("I am", False, 0)],
)
def test_an_answer_should_close_itself_after_a_sentence(
    text: str, ended: bool, score: float
) -> None:
    assert ending(text, HUMAN, "chat", ended=ended) == score


def test_human_text_scores_one() -> None:
    assert ending("and so it was. She laughed. Then they we", HUMAN, "text", ended=False) == 1


def test_sentences_without_capitals_or_words_score_low() -> None:
    assert whole_sentences("and so. on it went. then more. an") == pytest.approx(1 / 4)
    assert whole_sentences("#$%. &*(@. )!x. ") == 0
    assert whole_sentences("no end in sight") == 0


def test_a_sentence_without_an_end_is_not_whole() -> None:
    assert whole_sentences("So. " + "And " * 90 + ". ") == 0


def test_text_that_has_no_sentences_by_nature_is_not_punished() -> None:
    assert ending("apples pears plums", "bread milk salt " * 20, "text", ended=False) == 1


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_an_empty_sample_scores_zero(domain: Domain) -> None:
    assert ending("", HUMAN, domain, ended=True) == 0


@given(st.text(), st.text(), st.booleans(), st.sampled_from(["chat", "text"]))
def test_the_score_stays_in_its_range(
    text: str, reference: str, ended: bool, domain: Domain
) -> None:
    assert 0 <= ending(text, reference, domain, ended=ended) <= 1
