"""What the battery asks: prompts at temperatures, and a few that are misspelt or out of place."""

import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from inference_battery.prompts import Domain, own_prompts
from state.records import SampleKind
from state.seeds import generator

NUM_TYPOS, NUM_OTHER_TOPICS = 5, 5
LONG_WORD, TYPO_SHARE = 4, 0.3
"""Of the words of so many letters and more."""

_WORD = re.compile(r"(?<![\w|])[^\W\d_]{2,}(?![\w|])")


class Question(NamedTuple):
    """A text to go on with, and how."""

    prompt: str
    temperature: float
    kind: SampleKind = "plain"


def questions(
    prompts: Sequence[str],
    temperatures: Sequence[float],
    domain: Domain,
    *,
    every_pair: bool,
    seed: int,
) -> list[Question]:
    """Every prompt once, the temperatures in turn; with `every_pair` each at every temperature.

    Behind them the first prompts misspelt and our own, at the middle temperature.

    Raises:
        ValueError: there is no prompt or no temperature.
    """
    if not prompts or not temperatures:
        raise ValueError(
            f"{len(prompts)} prompts at {len(temperatures)} temperatures give no sample; "
            "give at least one of each"
        )
    if every_pair:
        plain = [Question(prompt, heat) for heat, prompt in product(temperatures, prompts)]
    else:
        turns = [temperatures[index % len(temperatures)] for index in range(len(prompts))]
        plain = [Question(prompt, heat) for prompt, heat in zip(prompts, turns, strict=True)]
    return [*plain, *_odd(prompts, sorted(temperatures)[len(temperatures) // 2], domain, seed)]


def misspelt(text: str, rng: np.random.Generator) -> str:
    """The text with two neighbouring letters swapped in some of its longer words, one at least; in
    a short word where no longer one can be changed. Unchanged where no word can.
    """
    long = [_swaps(word) for word in _WORD.finditer(text) if len(word[0]) >= LONG_WORD]
    short = [_swaps(word) for word in _WORD.finditer(text)]
    found = [places for places in long if places] or [places for places in short if places]
    if not found:
        return text
    hit = rng.random(len(found)) < TYPO_SHARE
    hit[int(rng.integers(len(found)))] = True
    letters = list(text)
    for places, changed in zip(found, hit, strict=True):
        if changed:
            at = places[int(rng.integers(len(places)))]
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def _swaps(word: re.Match[str]) -> list[int]:
    """Where two neighbours differ, behind the first letter if the word is long enough."""
    first = 1 if len(word[0]) > 2 else 0
    places = range(first, len(word[0]) - 1)
    return [word.start() + i for i in places if word[0][i] != word[0][i + 1]]


def _odd(prompts: Sequence[str], temperature: float, domain: Domain, seed: int) -> list[Question]:
    rng = generator(seed, "typos")
    changed = [misspelt(prompt, rng) for prompt in prompts[:NUM_TYPOS]]
    typos = [Question(new, temperature, "typos") for new in changed if new not in prompts]
    others = [prompt for prompt in own_prompts(domain) if prompt not in prompts]
    return typos + [
        Question(prompt, temperature, "other topic") for prompt in others[-NUM_OTHER_TOPICS:]
    ]
