"""Is an answer about its prompt? Its likeness to its own prompt against those of the other prompts.

    raw   = share of the other prompts that the answer is less like than its own, ties count half
    score = 1/2 + 1/2 (raw - 1/2) / (human - 1/2), in [0, 1]

Likeness is the cosine in the span of the train text's topics. human: mean of `raw` over held-out
exchanges, answers as long as the samples on average. Answers that have nothing to do with their
prompts score 1/2, people's 1. Where even people's are not told apart (raw below 0.55), every answer
scores 1; where there is one prompt alone, there is no score.

An empty answer scores 0.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from inference_battery.probes.scored import NOT_ASKED, Scored, spread_over
from inference_battery.reference import LENGTH_STEP, Reference
from inference_battery.topics import Topics
from state.records import Sample

LEAST_HUMAN = 0.55


def relevance(samples: Sequence[Sample], reference: Reference) -> list[Scored]:
    """Score of every plain sample; of none where there is one prompt alone."""
    asked = [one for one in samples if one.kind == "plain"]
    if len({one.prompt for one in asked}) < 2:
        return [NOT_ASKED for _ in samples]
    steps = reference.steps(fmean(len(one.text) for one in asked))
    human = reference.cached(f"relevance {steps}", lambda: human_level(reference, steps))
    raw = own_above_others([(one.prompt, one.text) for one in asked], reference.topics)
    return spread_over(
        samples,
        [
            Scored(_score(share, human) if one.text.strip() else 0.0)
            for one, share in zip(asked, raw, strict=True)
        ],
    )


def human_level(reference: Reference, steps: int) -> float:
    """Mean raw value of people's exchanges cut to a length; 1/2 where there are too few."""
    length = steps * LENGTH_STEP
    pairs = [(one.prompt, one.answer[:length]) for one in reference.exchanges]
    return fmean(own_above_others(pairs, reference.topics)) if len(pairs) > 1 else 0.5


def own_above_others(pairs: Sequence[tuple[str, str]], topics: Topics) -> list[float]:
    """For each answer, how often its own prompt is the likelier one, in [0, 1]."""
    prompts = {prompt: i for i, prompt in enumerate(dict.fromkeys(one for one, _ in pairs))}
    places = np.array([_unit(topics.place(prompt)) for prompt in prompts])
    shares, others = [], max(1, len(prompts) - 1)
    for prompt, answer in pairs:
        # Rounded, since the last bits of the topics depend on the machine.
        likeness = np.round(places @ _unit(topics.place(answer)), 9)
        own = likeness[prompts[prompt]]
        wins = (likeness < own).sum() + ((likeness == own).sum() - 1) / 2
        shares.append(float(wins / others) if len(prompts) > 1 else 0.5)
    return shares


def _unit(place: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(place)
    return place / norm if norm > 0 else place


def _score(raw: float, human: float) -> float:
    if human < LEAST_HUMAN:
        return 1.0
    return min(1.0, max(0.0, 0.5 + 0.5 * (raw - 0.5) / (human - 0.5)))
