"""Needle in a haystack, and what the model costs in memory."""

import numpy as np

from orchestrator.analysis.diagnose.estimates import mean_of
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.record import Memory, Needle, NeedlePoint, Packing
from state.seeds import generator
from trainer.diagnostics.contexts import doubling_lengths
from trainer.diagnostics.haystack import DEPTHS, Found, haystack, make_trials, room_needed
from trainer.diagnostics.member_memory import (
    MemberCost,
    MemberShape,
    MemoryRequest,
    measure_members,
)
from trainer.excerpt import excerpt

NEEDLE_TOKENS, NUM_NAMES, MIN_NAMES = 128_000, 32, 16
"""Tokens that the texts may have in all, names asked for in each place, and least of them."""
KNOWN_CHARACTERS = 8_000_000
"""Of the train text, in which no name may occur."""


def needle(now: Examination) -> Needle:
    """Every length of context that has room for a name told and asked for."""
    dataset = now.opened.dataset
    known = excerpt(dataset.folder / "train.txt", KNOWN_CHARACTERS)
    rng = generator(0, "diagnose", "names")
    domain = dataset.manifest.domain
    trials = make_trials(dataset.tokenizer, domain, known, NUM_NAMES, rng)
    room = room_needed(trials)
    lengths = [length for length in doubling_lengths(now.block) if length >= room]
    if not lengths:
        return Needle(
            skipped=f"a name told and asked for takes {room} tokens with this tokenizer, and the "
            f"block has {now.block}"
        )
    # Twice: told and not told; and once for each of about three tokens of the answer.
    cost = 2 * len(DEPTHS) * sum(lengths) * int(np.mean([len(one.answer) for one in trials]))
    count = max(MIN_NAMES, min(NUM_NAMES, now.amount(NEEDLE_TOKENS) // cost))
    found = haystack(now.logits_of, now.stream, trials[:count], lengths, now.reporter("needle"))
    return Needle(points=tuple(_point(one) for one in found))


def _point(found: Found) -> NeedlePoint:
    return NeedlePoint(
        tokens=found.length,
        depth=found.depth,
        advantage=mean_of(found.advantage),
        exact=float(found.exact.mean()),
        guessed=float(found.guessed.mean()),
    )


def memory(now: Examination) -> Memory:
    """Members of the run's shape and of shapes near it, a thread each as in a search."""
    now.progress.show("memory and speed", 0, 1)
    setup = now.opened.setup
    request = MemoryRequest(
        setup=setup,
        genome=now.model.genome,
        threads=1,
        shapes=_shapes(setup.optimizer.batch, now.block, quick=now.quick),
    )
    try:
        costs = measure_members(request)
    except RuntimeError as error:
        return Memory(skipped=str(error))
    return Memory(rows=tuple(map(_packing, costs)))


def _shapes(batch: int, block: int, *, quick: bool) -> tuple[MemberShape, ...]:
    """The run's own, the same tokens in half the context, and half and twice the batch."""
    own = [(batch, block)]
    near = [(2 * batch, max(1, block // 2)), (max(1, batch // 2), block), (2 * batch, block)]
    pairs = dict.fromkeys(own if quick else own + near)
    return tuple(MemberShape(batch=one, block=length) for one, length in pairs)


def _packing(cost: MemberCost) -> Packing:
    return Packing(
        batch=cost.shape.batch,
        block=cost.shape.block,
        dtype=cost.dtype,
        megabytes=cost.megabytes,
        worker_megabytes=cost.worker_megabytes,
        free_megabytes=cost.free_megabytes,
        fitting=cost.fitting,
        tokens_per_second=cost.tokens_per_second,
    )
