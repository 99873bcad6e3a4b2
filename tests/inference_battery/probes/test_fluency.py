"""Neither harder to foresee than people's text nor a copy."""

from math import exp, sqrt

import pytest

from benchmarks.battery.fakes import (
    Fake,
    fake_texts,
    shuffled_words,
    train_text,
    trigram_words,
    uniform_characters,
)
from inference_battery.probes.fluency import ENOUGH, HARD, LOOSE, ease, order, reads_well
from inference_battery.reference import Reference
from tests.inference_battery.corpora import talk_reference

PEOPLE, COPY = "people", "copied text"
BITS = {PEOPLE: 2.0, "easy": 1.0, "hard": 2.0 + HARD / 4, "chaos": 2.0 + 9 * HARD}
GAINS = {PEOPLE: 1.0, COPY: 3.0, "loose": 0.25, "chaos": -0.5}
ENOUGH_GAIN = 1.0 + ENOUGH * 2


class Measured:
    """A word model that knows its texts' values by heart."""

    def __init__(self, bits: dict[str, float], gains: dict[str, float]) -> None:
        self._bits, self._gains = bits, gains

    def bits_per_character(self, text: str) -> float:
        return self._bits.get(text, self._bits[PEOPLE])

    def gain(self, text: str) -> float:
        return self._gains.get(text, self._gains[PEOPLE])


def measured(bits: dict[str, float] = BITS, gains: dict[str, float] = GAINS) -> Reference:
    reference = talk_reference(COPY, PEOPLE)
    vars(reference)["word_model"] = Measured(bits, gains)
    return reference


@pytest.mark.parametrize(
    ("text", "expected"), [(PEOPLE, 1), ("easy", 1), ("hard", exp(-1 / 4)), ("chaos", exp(-9))]
)
def test_bits_beyond_people_s_cost_ease(text: str, expected: float) -> None:
    assert ease(text, measured()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (-0.5, exp(-1.5 * LOOSE)),
        (0.0, exp(-LOOSE)),
        (0.25, exp(-0.75 * LOOSE)),
        (1.0, 1),
        (ENOUGH_GAIN, 1),
        ((ENOUGH_GAIN + 3) / 2, 0.5),
        (3.0, 0),
        (9.0, 0),
    ],
)
def test_order_rises_to_people_s_gain_and_falls_towards_that_of_copies(
    gain: float, expected: float
) -> None:
    reference = measured(gains={**GAINS, "text": gain})
    assert order("text", reference) == pytest.approx(expected)


def test_where_copies_save_no_more_than_people_nothing_is_held_against_a_high_gain() -> None:
    assert order("text", measured(gains={PEOPLE: 1.0, COPY: 1.0, "text": 5.0})) == 1


def test_where_people_s_order_saves_nothing_any_order_will_do() -> None:
    assert order("text", measured(gains={PEOPLE: 0.0, COPY: 1.0, "text": -1.0})) == 1


def test_the_score_is_the_geometric_mean_of_ease_and_order() -> None:
    reference = measured(bits={**BITS, "text": BITS["hard"]}, gains={**GAINS, "text": 0.25})
    assert reads_well("text", reference) == pytest.approx(sqrt(exp(-1 / 4) * exp(-0.75 * LOOSE)))


@pytest.mark.parametrize(
    ("fake", "most"),
    [(uniform_characters, 0.01), (shuffled_words, 0.1), (train_text, 0.3), (trigram_words, 0.45)],
    ids=lambda fake: getattr(fake, "__name__", ""),
)
def test_fakes_read_worse_than_people(prose: Reference, fake: Fake, most: float) -> None:
    people = prose.passages(320)
    texts = fake_texts(fake, prose.train, people, 0)
    own, theirs = (sum(reads_well(one, prose) for one in some) for some in (people, texts))
    assert own / len(people) > 0.9
    assert theirs / len(people) < most
