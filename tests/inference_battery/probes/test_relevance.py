"""Answers and their own prompts."""

from statistics import fmean

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_battery.probes.relevance import human_level, own_above_others, relevance
from inference_battery.prompts import Domain, exchanges
from inference_battery.reference import Reference
from inference_battery.topics import Topics
from tests.inference_battery.corpora import corpus, corpus_reference, sample, talk_reference


class Placed(Topics):
    """A text lies where its letters say: so many steps along each axis."""

    def __init__(self) -> None:
        """Nothing to fit."""

    def place(self, text: str) -> NDArray[np.float64]:
        return np.array([text.count(letter) for letter in "abc"], dtype=np.float64)


def placed(*answers: str) -> Reference:
    reference = talk_reference("x", *answers)
    vars(reference)["topics"] = Placed()
    return reference


def test_an_answer_beats_the_prompts_that_it_is_less_like() -> None:
    pairs = [("a", "aab"), ("b", "aab"), ("c", "aab"), ("a", "zz")]
    # aab is most like a, then b, then c; zz is like none of them, so that all are tied.
    assert own_above_others(pairs, Placed()) == [1, 0.5, 0, 0.5]


def test_a_single_prompt_has_no_others() -> None:
    assert own_above_others([("a", "aab"), ("a", "c")], Placed()) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("human", "expected"),
    [(0.75, [1, 0.5, 0]), (1.0, [1, 0.5, 0]), (0.9, [1, 0.5, 0]), (0.54, [1, 1, 1])],
)
def test_a_score_is_one_at_people_s_level_and_one_half_at_chance(
    human: float, expected: list[float]
) -> None:
    reference = placed()
    reference.cached("relevance 1", lambda: human)
    samples = [sample("aab", prompt) for prompt in "abc"]
    assert [one.score for one in relevance(samples, reference)] == expected


def test_between_chance_and_people_s_level_a_score_is_linear() -> None:
    reference = placed()
    reference.cached("relevance 1", lambda: 0.95)
    samples = [sample("aab", prompt) for prompt in ("a", "b", "c", "bc", "ac")]
    raw = own_above_others([(one.prompt, one.text) for one in samples], Placed())
    assert raw == [1, 0.5, 0, 0.25, 0.75]
    share = 0.25 / 0.45
    assert [one.score for one in relevance(samples, reference)] == pytest.approx(
        [1, 0.5, 0, 0.5 - 0.5 * share, 0.5 + 0.5 * share]
    )


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_answers_to_other_prompts_score_about_one_half_and_people_s_one(domain: Domain) -> None:
    reference = corpus_reference(domain)
    found = exchanges(corpus(domain)[2], domain, 40, 0)
    answers = [one.answer[:300] for one in found]
    scores = [
        fmean(
            one.score
            for one in relevance(
                [sample(text, one.prompt) for text, one in zip(texts, found, strict=True)],
                reference,
            )
        )
        for texts in (answers, [*answers[7:], *answers[:7]])
    ]
    assert scores[0] > 0.95
    assert 0.35 < scores[1] < 0.65


def test_people_s_level_is_high_where_subjects_differ(prose: Reference) -> None:
    assert human_level(prose, 4) > 0.7


def test_where_subjects_are_not_told_apart_every_answer_will_do() -> None:
    reference = talk_reference("one two three", "Yes.", "No.")
    found = relevance([sample("one", "a"), sample("", "b"), sample("two", "c")], reference)
    assert [one.score for one in found] == [1, 0, 1]


def test_with_too_few_exchanges_people_are_at_chance() -> None:
    assert human_level(talk_reference("one two three", "Yes."), 4) == 0.5
