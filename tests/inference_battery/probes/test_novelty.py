"""Copies beyond what people copy by chance."""

import pytest

from benchmarks.battery.fakes import fake_texts, train_text
from inference_battery.probes.novelty import MEMORISED, novelty
from inference_battery.prompts import Domain
from inference_battery.reference import Reference
from tests.inference_battery.corpora import corpus_reference, sample, talk_reference

TRAIN = "the captain lowered the sail and then the pilot lit his lantern"
SIX = "the captain lowered the sail and"


def scores(texts: list[str], reference: Reference) -> list[float]:
    return [one.score for one in novelty([sample(text) for text in texts], reference)]


def test_where_people_copy_nothing_the_score_is_the_share_that_is_not_copied() -> None:
    reference = talk_reference(TRAIN, "They slept.", "He stayed in bed.")
    texts = [SIX, f"{SIX} x y", "nothing of this is there", f"{SIX} a b c d e f"]
    assert scores(texts, reference) == pytest.approx([0, 0.25, 1, 0.5])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(f"{SIX} a b c d e f", [0, 0.5, 1, 2 / 19], id="half copied"),
        pytest.param(SIX, [0, 1, 1, 10 / 19], id="all copied: at most 0.9"),
    ],
)
def test_what_people_copy_too_costs_nothing(answer: str, expected: list[float]) -> None:
    reference = talk_reference(TRAIN, answer, answer)
    texts = [SIX, f"{SIX} x y", "nothing of this is there", f"{TRAIN} {SIX} x"]
    assert scores(texts, reference) == pytest.approx(expected)


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_copies_score_near_zero_and_people_near_one(domain: Domain) -> None:
    reference = corpus_reference(domain)
    people = reference.passages(300)
    copies = scores(fake_texts(train_text, reference.train, people, 0), reference)
    assert sum(copies) / len(copies) < 0.1 < MEMORISED
    own = scores(people, reference)
    assert sum(own) / len(own) > 0.95
    assert min(own) > MEMORISED
