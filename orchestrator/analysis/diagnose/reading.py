"""What the model makes of held-out text: losses by token, by context, by its first token."""

import numpy as np
from numpy.typing import NDArray

from orchestrator.analysis.diagnose.estimates import bits_per_byte, mean_of
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.record import (
    ContextPoint,
    GainPoint,
    InfluencePoint,
    LongRange,
    Surprise,
)
from state.records import Split
from state.seeds import generator
from trainer.diagnostics.contexts import (
    ContextReadings,
    Ints,
    context_losses,
    doubling_lengths,
    first_token_influence,
    reaching_lengths,
)
from trainer.diagnostics.token_kinds import token_kinds
from trainer.diagnostics.token_losses import TokenReadings, read_split

PASS_TOKENS = 65_536
"""Most tokens of each split that are read in windows."""
CONTEXT_TOKENS, MAX_TARGETS = 160_000, 1024
"""That the contexts of all lengths may read; a longer block gets fewer targets."""
LONGEST, LONG_TOKENS = 512, 320_000
"""Tokens of context that are asked of a model that can read them, and that this may cost."""
INFLUENCE_TOKENS, MAX_INFLUENCED = 64_000, 256
MIN_CONTEXT = 8
"""Below it neither the first token's influence is asked for nor what context gains."""
NUM_SURPRISES = 3
CONTEXT_CHARACTERS = 60


def read_text(now: Examination, split: Split) -> TokenReadings:
    """The split in windows, or as much of it as is enough."""
    most = max(1, now.amount(PASS_TOKENS) // now.block)
    report = now.reporter(f"reading {split} text")
    return read_split(now.model, now.opened.dataset, split, now.opened.setup, most, report)


def read_context(now: Examination) -> ContextReadings:
    """The same targets after more and more context, up to the block."""
    lengths = doubling_lengths(now.block)
    places = now.places(CONTEXT_TOKENS, sum(lengths), MAX_TARGETS)
    return context_losses(now.logits_of, now.stream, lengths, places, now.reporter("context"))


def context_points(now: Examination, read: ContextReadings) -> tuple[ContextPoint, ...]:
    """Every length against the block."""
    num_bytes = now.byte_lengths[read.targets]
    whole = read.nats[-1]
    return tuple(
        ContextPoint(
            tokens=length,
            loss=bits_per_byte(nats, num_bytes),
            lost=bits_per_byte(nats - whole, num_bytes),
        )
        for length, nats in zip(read.lengths, read.nats, strict=True)
    )


def long_range(now: Examination, read: ContextReadings) -> LongRange:
    """From 8 tokens of context to 512, or to the block: as it was `read`, or beyond the block."""
    longest = now.longest(LONGEST)
    if longest > now.block:
        lengths = [one for one in reaching_lengths(now.block, longest) if one >= MIN_CONTEXT]
        places = now.places(LONG_TOKENS, sum(lengths), MAX_TARGETS, longest)
        report = now.reporter("long-range gain")
        read = context_losses(now.logits_of, now.stream, lengths, places, report)
    num_bytes = now.byte_lengths[read.targets]
    return gains(read, num_bytes, now.block, now.reach_of(longest))


def gains(read: ContextReadings, num_bytes: Ints, block: int, reach: str) -> LongRange:
    """What each length saves over the shortest; `num_bytes` of each target."""
    told = [
        (length, nats)
        for length, nats in zip(read.lengths, read.nats, strict=True)
        if length >= MIN_CONTEXT
    ]
    if len(told) < 2:
        return LongRange(skipped=f"the gain counts from {MIN_CONTEXT} tokens on, and {reach}")
    (_, shortest), (length, longest) = told[0], told[-1]
    beyond = next((nats - longest for at, nats in told[:-1] if at == block), None)
    return LongRange(
        reach=reach,
        points=tuple(
            GainPoint(
                tokens=at,
                loss=bits_per_byte(nats, num_bytes),
                gain=bits_per_byte(shortest - nats, num_bytes),
            )
            for at, nats in told
        ),
        share=mean_of(shortest - longest, shortest),
        beyond=None if beyond is None or length <= block else bits_per_byte(beyond, num_bytes),
    )


def influence_points(now: Examination) -> tuple[InfluencePoint, ...]:
    """What another first token changes, by how far away it is."""
    longest = now.longest(LONGEST)
    lengths = [one for one in reaching_lengths(now.block, longest) if one >= MIN_CONTEXT]
    lengths = lengths or [longest]
    tokens = LONG_TOKENS if longest > now.block else INFLUENCE_TOKENS
    places = now.places(tokens, 2 * sum(lengths), MAX_INFLUENCED, longest)
    rng, report = generator(0, "diagnose", "first token"), now.reporter("first token")
    found = []
    for index, length in enumerate(lengths):
        report(index, len(lengths))
        read = first_token_influence(now.logits_of, now.stream, length, places, rng)
        point = InfluencePoint(
            tokens=length, distance=mean_of(read.distance), loss_change=mean_of(read.loss_change)
        )
        found.append(point)
    return tuple(found)


def kinds_of(now: Examination, read: TokenReadings) -> NDArray[np.int8]:
    """The kind of every token that was read."""
    kinds = token_kinds(now.opened.dataset.tokenizer, now.stream)
    return kinds[_places(now, read)]


def surprises(now: Examination, read: TokenReadings) -> tuple[Surprise, ...]:
    """The tokens that the model expected least, of different windows, with what it expected."""
    found: list[Surprise] = []
    seen: set[int] = set()
    places = _places(now, read)
    for index in np.argsort(-read.nats, kind="stable").tolist():
        if int(read.windows[index]) in seen:
            continue
        seen.add(int(read.windows[index]))
        found.append(_surprise(now, read, index, int(places[index])))
        if len(found) == NUM_SURPRISES:
            break
    return tuple(found)


def _surprise(now: Examination, read: TokenReadings, index: int, place: int) -> Surprise:
    codec = now.opened.dataset.tokenizer
    start = max(0, place - int(read.positions[index]) - 1, place - CONTEXT_CHARACTERS)
    return Surprise(
        before=codec.decode(now.stream[start:place].tolist())[-CONTEXT_CHARACTERS:],
        token=codec.decode([int(read.tokens[index])]),
        probability=float(np.exp(-read.nats[index])),
        guess=codec.decode([int(read.guesses[index])]),
        guess_probability=float(read.confidence[index]),
    )


def _places(now: Examination, read: TokenReadings) -> NDArray[np.int64]:
    """Where in the stream each token that was read stands."""
    places: NDArray[np.int64] = read.windows * now.block + read.positions + 1
    return places
