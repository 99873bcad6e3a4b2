"""What is asked of texts as long as the model can read: a needle in a haystack, and its states."""

import numpy as np

from orchestrator.analysis.diagnose.estimates import mean_of
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.reach import LEAST_REACH, MOST_REACH
from orchestrator.analysis.diagnose.record import Needle, NeedlePoint, States, StateSize
from state.seeds import generator
from trainer.diagnostics.contexts import reaching_lengths
from trainer.diagnostics.haystack import (
    DEPTHS,
    Found,
    Trial,
    haystack,
    make_trials,
    room_needed,
)
from trainer.diagnostics.state_norms import state_norms
from trainer.excerpt import excerpt

NEEDLE_TOKENS, NUM_NAMES, MIN_NAMES = 128_000, 32, 16
"""Tokens that the texts may have in all, names asked for in each place, and least of them."""
KNOWN_CHARACTERS = 8_000_000
"""Of the train text, in which no name may occur."""
LEAST_STATE, STATE_TEXTS = 8, 16
"""Tokens behind which states are first looked at; texts that are read."""
MORE = "; --reach asks for up to {most:,}"


def needle(now: Examination) -> Needle:
    """Every length that has room for a name told and asked for."""
    kind = now.opened.dataset.manifest.tokenizer
    trials = _trials(now)
    if kind != "bpe":
        letters = np.mean([len(one.answer) for one in trials])
        return Needle(
            skipped=f"the tokenizer is {kind}: a name is spelt over {letters:.0f} tokens, and to "
            "spell it on once begun is no looking back"
        )
    room, longest = room_needed(trials), _longest(now)
    lengths = [one for one in reaching_lengths(now.block, longest) if one >= room]
    if not lengths:
        return Needle(
            skipped=f"a name told and asked for takes {room} tokens with this tokenizer, and "
            f"{now.reach_of(longest)}"
        )
    # Each text is read twice: told and not told.
    cost = 2 * len(DEPTHS) * sum(lengths)
    count = max(MIN_NAMES, min(NUM_NAMES, now.amount(NEEDLE_TOKENS) // cost))
    return _found(now, trials[:count], lengths)


def _trials(now: Examination) -> list[Trial]:
    dataset = now.opened.dataset
    known = excerpt(dataset.folder / "train.txt", KNOWN_CHARACTERS)
    rng = generator(0, "diagnose", "names")
    return make_trials(dataset.tokenizer, dataset.manifest.domain, known, NUM_NAMES, rng)


def _found(now: Examination, trials: list[Trial], lengths: list[int]) -> Needle:
    """Length by length, as far as memory goes."""
    points: list[NeedlePoint] = []
    reach = _reach(now, lengths[-1])
    for index, length in enumerate(lengths):
        now.progress.show(f"needle in {length:,} tokens", index, len(lengths))
        try:
            found = haystack(
                now.tail_of, now.stream, trials, [length], piece=now.block if now.endless else None
            )
        except MemoryError as error:
            reach = str(error)
            break
        points += map(_point, found)
    if not points:
        return Needle(skipped=reach)
    return Needle(reach=reach, points=tuple(points))


def _point(found: Found) -> NeedlePoint:
    return NeedlePoint(
        tokens=found.length,
        depth=found.depth,
        advantage=mean_of(found.advantage),
        exact=float(found.exact.mean()),
        guessed=float(found.guessed.mean()),
    )


def states(now: Examination) -> States:
    """How large they are behind more and more tokens of running text."""
    longest = _longest(now)
    lengths = [one for one in reaching_lengths(now.block, longest) if one >= LEAST_STATE]
    starts = np.linspace(0, len(now.stream) - longest, STATE_TEXTS).astype(np.int64)
    texts = now.stream[starts[:, None] + np.arange(longest)]
    report = now.reporter("states")
    found = state_norms(now.model, now.opened.setup, texts, lengths, report)
    if not found:
        return States(skipped="attention keeps what it reads; it has no state")
    return States(
        reach=_reach(now, longest),
        points=tuple(
            StateSize(layer=one.layer + 1, component=one.component, tokens=tokens, rms=mean_of(rms))
            for one in found
            for tokens, rms in zip(one.lengths, one.rms, strict=True)
        ),
    )


def _longest(now: Examination) -> int:
    """As far as was asked for."""
    return now.longest(max(LEAST_REACH, now.amount(now.reach)))


def _reach(now: Examination, longest: int) -> str:
    more = MORE.format(most=MOST_REACH) if longest < MOST_REACH else ""
    return now.reach_of(longest, more)
