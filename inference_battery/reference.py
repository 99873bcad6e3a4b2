"""Human text to hold samples against: what was trained on, and what was held out.

A probe's human level is its raw value over held-out passages as long as the sample, so that length
and subject do not pass for skill.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from statistics import fmean

import numpy as np

from inference_battery.prompts import Domain, Exchange, exchanges
from inference_battery.text import words
from inference_battery.topics import Topics
from inference_battery.verbatim import Verbatim
from inference_battery.word_model import WordModel

LENGTH_STEP = 64
"""Human levels are measured at multiples of this many characters."""
NUM_PASSAGES = 64

Raw = Callable[[str], float]


class Reference:
    """One corpus, fitted on first use; may serve any number of batteries."""

    def __init__(self, train: str, held_out: Sequence[str], domain: Domain) -> None:
        """`held_out` holds documents that the model was not trained on; without any, the train text
        stands in.
        """
        self.train, self.domain = train, domain
        self.held_out = tuple(held_out) or (train,)
        self._levels: dict[tuple[str, int], list[float]] = {}
        self._cached: dict[str, float] = {}

    @cached_property
    def known_words(self) -> frozenset[str]:
        """Every word of the train text."""
        return frozenset(words(self.train))

    @cached_property
    def word_model(self) -> WordModel:
        """How likely a text is."""
        return WordModel(self.train)

    @cached_property
    def topics(self) -> Topics:
        """What a text is about."""
        return Topics(self.train)

    @cached_property
    def verbatim(self) -> Verbatim:
        """What is copied from the train text."""
        return Verbatim(self.train)

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Held-out openings with what people went on with."""
        return tuple(exchanges(self.held_out, self.domain, NUM_PASSAGES, 0))

    @staticmethod
    def steps(length: float) -> int:
        """The length in LENGTH_STEPs, one at least."""
        return max(1, round(length / LENGTH_STEP))

    def level(self, name: str, raw: Raw, length: int) -> list[float]:
        """Sorted raw values of human passages of about `length` characters; empty without any."""
        steps = self.steps(length)
        if (name, steps) not in self._levels:
            found = [raw(one) for one in self.passages(steps * LENGTH_STEP)]
            self._levels[name, steps] = sorted(found)
        return self._levels[name, steps]

    def mean(self, name: str, raw: Raw, length: int, otherwise: float) -> float:
        """Mean of the human level; `otherwise` where there is none."""
        found = self.level(name, raw, length)
        return fmean(found) if found else otherwise

    def seen_mean(self, name: str, raw: Raw, length: int) -> float:
        """Mean over passages of the train text, cut as a copy of it would be."""
        steps = self.steps(length)

        def found() -> float:
            return fmean(raw(one) for one in spread(self.train, steps * LENGTH_STEP, NUM_PASSAGES))

        return self.cached(f"seen {name} {steps}", found)

    def cached(self, name: str, find: Callable[[], float]) -> float:
        """A level that is found once."""
        if name not in self._cached:
            self._cached[name] = find()
        return self._cached[name]

    def quantile(self, name: str, raw: Raw, length: int, share: float, otherwise: float) -> float:
        """Quantile of the human level; `otherwise` where there is none."""
        found = self.level(name, raw, length)
        return float(np.quantile(found, share)) if found else otherwise

    def longer_share(self, length: int) -> float:
        """Share of people's answers of more than `length` characters."""
        answers = [one.answer for one in self.exchanges if one.answer.strip()]
        return sum(len(one) > length for one in answers) / max(1, len(answers))

    def passages(self, length: int) -> list[str]:
        """What people went on with, cut to `length` characters; shorter ones are not cut."""
        return [one.answer[:length] for one in self.exchanges if one.answer.strip()]


def spread(text: str, length: int, count: int) -> list[str]:
    """Stretches of `length` characters, spread evenly over the text; a short text is its own."""
    last = max(0, len(text) - length)
    num = max(1, min(count, len(text) // length))
    return [
        text[start : start + length] for start in (last * i // max(1, num - 1) for i in range(num))
    ]
