"""People's text against texts that a score must not mistake for it.

On these corpora people come to 0.98; the best fakes are words drawn by the two before them, with
0.67, and the shuffled words of a dialogue, with 0.71.
"""

import pytest

from benchmarks.battery.fakes import FAKES, Fake, fake_texts, train_text
from inference_battery.battery import judged
from inference_battery.prompts import Domain, Exchange, exchanges
from inference_battery.questions import NUM_OTHER_TOPICS
from inference_battery.reference import Reference
from state.records import BatteryReport
from tests.inference_battery.corpora import corpus, corpus_reference, sample

LENGTH, NUM_PROMPTS = 500, 25
MARGIN = 0.2
LEAST_PEOPLE = 0.9


@pytest.fixture(scope="module", params=["text", "chat"])
def reference(request: pytest.FixtureRequest) -> Reference:
    domain: Domain = request.param
    return corpus_reference(domain)


def openings(reference: Reference) -> tuple[Exchange, ...]:
    """From documents that no human level was taken from."""
    return exchanges(corpus(reference.domain)[2], reference.domain, NUM_PROMPTS, 0)


def answers(reference: Reference) -> list[str]:
    return [one.answer[:LENGTH] for one in openings(reference)]


def judge(texts: list[str], reference: Reference) -> BatteryReport:
    """The last prompts stand for those from another topic."""
    found = openings(reference)
    first_odd = len(found) - NUM_OTHER_TOPICS
    return judged(
        [
            sample(
                text,
                one.prompt,
                kind="plain" if i < first_odd else "other topic",
                ended=reference.domain == "chat" and len(one.answer) <= LENGTH,
            )
            for i, (one, text) in enumerate(zip(found, texts, strict=True))
        ],
        reference,
    )


def test_people_score_well_and_recite_nothing(reference: Reference) -> None:
    found = judge(answers(reference), reference)
    assert found.composite > LEAST_PEOPLE
    assert not found.memorised
    assert min(probe.score for probe in found.probes) > 0.6


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.__name__)
def test_every_fake_stays_far_below_people(reference: Reference, fake: Fake) -> None:
    people = judge(answers(reference), reference)
    texts = fake_texts(fake, reference.train, answers(reference), 0)
    found = judge(texts, reference)
    assert found.composite < people.composite - MARGIN
    assert found.interval is not None
    assert people.interval is not None
    assert found.interval[1] < people.interval[0]


def test_copies_of_the_train_text_are_called_memorised(reference: Reference) -> None:
    found = judge(fake_texts(train_text, reference.train, answers(reference), 0), reference)
    assert found.memorised
    assert {probe.name: probe.score for probe in found.probes}["novelty"] < 0.2
