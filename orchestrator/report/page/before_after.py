"""The first text that the model wrote after a prompt beside the last one. Nothing is picked."""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.report.escape import visible
from state.store_rows import StoredSample

MAX_PAIRS = 3
MAX_LETTERS = 700
"""Of a sample that is shown."""


class Written(NamedTuple):
    """A sample without control characters; its text is empty where the model said nothing."""

    when: str
    text: str


class Pair(NamedTuple):
    """Two answers to one question."""

    prompt: str
    temperature: str
    first: Written
    last: Written


def before_and_after(samples: Sequence[StoredSample], *, single: bool) -> list[Pair]:
    """One pair for each temperature, of the first prompt that was asked at both ends.

    `single`: samples are known by their step, else by their phase.
    """
    early, late = _asked(samples), _asked(samples[::-1])
    pairs: dict[float, Pair] = {}
    for key, first in early.items():
        last = late[key]
        if (first.generation, first.step) != (last.generation, last.step):
            one = Pair(
                visible(key[0]), f"{key[1]:g}", _written(first, single), _written(last, single)
            )
            pairs.setdefault(key[1], one)
    return [pairs[temperature] for temperature in sorted(pairs)][:MAX_PAIRS]


def _asked(samples: Sequence[StoredSample]) -> dict[tuple[str, float], StoredSample]:
    """The first answer to each prompt at each temperature."""
    found: dict[tuple[str, float], StoredSample] = {}
    for one in samples:
        found.setdefault((one.sample.prompt, one.sample.temperature), one)
    return found


def _written(stored: StoredSample, single: bool) -> Written:
    text = visible(stored.sample.text).strip()
    cut = text if len(text) <= MAX_LETTERS else f"{text[:MAX_LETTERS]} ..."
    where = f"step {stored.step:,}"
    return Written(where if single else f"after {stored.phase.capitalize()}, {where}", cut)
