"""Does the text read like the corpus? Neither harder to foresee than people's nor a copy.

    score = min(1, raw / mean raw of people's),      raw = sqrt(ease * order)
    ease  = exp(-(bits - people) / HARD)             where bits > people, else 1
    order = exp(-LOOSE (people - gain) / people)     where gain < people, else
            1                                        up to `enough`, then falling to 0 at `copies`
            (copies - gain) / (copies - enough)

bits: bits per character under the word model of the train text. gain: bits that the two pieces
    before a piece save, a piece; words in any order save nothing, the train text most.
people: mean over held-out passages as long as the sample; copies: over passages of the train text.
enough = people + ENOUGH (copies - people): what is sampled at a low temperature is easier to
    foresee than people's text, and not copied.

Range [0, 1]. A sample counts by its length, an empty one as 64 characters. The model is in
`inference_battery.word_model`.
"""

from collections.abc import Sequence
from math import exp, sqrt

from inference_battery.probes.scored import LEAST_LENGTH, Scored, each
from inference_battery.reference import Reference
from state.records import Sample

HARD = 1.0
"""Bits per character; letters at random cost 4 to 10 more than people's."""
LOOSE = 3.0
ENOUGH = 0.75


def fluency(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample."""
    return each(samples, lambda one: reads_well(one.text, reference), LEAST_LENGTH)


def reads_well(text: str, reference: Reference) -> float:
    """Score of one text."""

    def raw(one: str) -> float:
        return sqrt(ease(one, reference) * order(one, reference))

    people = reference.mean("reads well", raw, len(text), 1.0)
    return min(1.0, raw(text) / people) if people > 0 else 1.0


def ease(text: str, reference: Reference) -> float:
    """1 where the text is no harder than people's."""
    measure = reference.word_model.bits_per_character
    excess = measure(text) - reference.mean("bits", measure, len(text), 0.0)
    return exp(-max(0.0, excess) / HARD)


def order(text: str, reference: Reference) -> float:
    """1 where the words follow one another as people's do."""
    measure = reference.word_model.gain
    gain, people = measure(text), reference.mean("gain", measure, len(text), 0.0)
    copies = reference.seen_mean("gain", measure, len(text))
    if gain < people:
        return exp(-LOOSE * (people - gain) / people) if people > 0 else 1.0
    enough = people + ENOUGH * (copies - people)
    if gain <= enough or copies <= people:
        return 1.0
    return max(0.0, (copies - gain) / (copies - enough))
