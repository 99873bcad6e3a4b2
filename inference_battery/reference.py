"""Human text to hold samples against: what was trained on, and what was held out.

A probe's human level is its raw value over held-out passages as long as the sample, so that length
and subject do not pass for skill.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from statistics import fmean

import numpy as np

from inference_battery.prompts import Domain, Exchange, exchanges
from inference_battery.text import evenly, spread, without_markers, words
from inference_battery.topics import Topics
from inference_battery.verbatim import Verbatim
from inference_battery.word_model import WordModel

LENGTH_STEP = 64
"""Human levels are measured at multiples of this many characters."""
NUM_PASSAGES, MAX_EXCHANGES, MIN_EXCHANGES = 64, 128, 8
MAX_CHARACTERS = 20_000_000
"""A longer train text is read in stretches spread evenly."""

Raw = Callable[[str], float]


class Reference:
    """One corpus, fitted on first use; may serve any number of batteries."""

    def __init__(self, train: str, held_out: Sequence[str], domain: Domain) -> None:
        """`held_out` holds documents that the model was not trained on; without any, the train text
        stands in.
        """
        self.train, self.domain = evenly(train, MAX_CHARACTERS), domain
        found = tuple(one for one in held_out if one.strip())
        self.has_held_out, self.held_out = bool(found), found or (self.train,)
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
        found = exchanges(self.held_out, self.domain, MAX_EXCHANGES, 0)
        return tuple([one for one in found if one.answer.strip()][:NUM_PASSAGES])

    @property
    def is_telling(self) -> bool:
        """There is enough held-out text for people's levels to mean something."""
        return self.has_held_out and len(self.exchanges) >= MIN_EXCHANGES

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
        longer = sum(len(one.answer) > length for one in self.exchanges)
        return longer / max(1, len(self.exchanges))

    @cached_property
    def running_text(self) -> str:
        """All that was held out, one document behind the other."""
        return " ".join(without_markers(one).strip() for one in self.held_out)

    def passages(self, length: int) -> list[str]:
        """What people went on with, cut to `length` characters; where three in four are shorter,
        stretches of all that was held out, if that is long enough.
        """
        reach = sum(len(one.answer) >= length for one in self.exchanges)
        is_short = len(self.running_text) < MIN_EXCHANGES * length
        if is_short or 4 * reach >= len(self.exchanges):
            return [one.answer[:length] for one in self.exchanges]
        return spread(self.running_text, length, NUM_PASSAGES)
