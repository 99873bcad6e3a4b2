"""Needle in a haystack: a made-up name is told early in a text and asked for at its end.

The needle is shown, so a model that looks back can give it. Each trial is read twice: with the name
that is asked for, and with another surname in its place. What the first saves on the surname at the
end is what looking back is worth; chance and spelling are in both.

Shapes: B trials, T positions, K tokens of an answer, V vocabulary.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.config import Domain
from trainer.diagnostics.contexts import Report
from trainer.diagnostics.reaching import TailLogits, in_parts
from trainer.tokenizer import Tokenizer

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where the needle stands: 0 at the beginning of the text, 1 right before the question."""
ROW_TOKENS = 8_192
"""Tokens that are read side by side, at most; one text where it is longer."""
MIN_HAY = 8
"""Tokens of other text between needle and question at depth 0, at least."""
TEMPLATES: dict[Domain, tuple[str, str]] = {
    "chat": (
        "<|user|> Who is {first}? <|assistant|> {first} {last}. <|end_of_text|>\n",
        "<|user|> Who is {first}? <|assistant|> {first}",
    ),
    "text": (" His name was {first} {last}.", " His name was {first}"),
}
"""The needle and the question, as the domain has it; ` {last}` is the answer."""
_ONSETS, _VOWELS = ("br", "d", "f", "gr", "k", "m", "n", "pl", "r", "t", "v", "z"), "aeiou"


class Trial(NamedTuple):
    """One name, as tokens."""

    needle: Ints
    decoy: Ints
    """The same with another surname; as long as the needle or a few tokens off."""
    question: Ints
    answer: Ints


class Found(NamedTuple):
    """One length and depth, each [N trials]."""

    length: int
    depth: float
    advantage: Floats
    """Nats saved on the answer by having been told."""
    exact: NDArray[np.bool_]
    """Every token of the answer was the most likely one."""
    guessed: NDArray[np.bool_]
    """The same where another name was told: chance."""


def make_trials(
    codec: Tokenizer, domain: Domain, known: str, count: int, rng: np.random.Generator
) -> list[Trial]:
    """Names of which no word stands in `known`, the text that the model has learnt from."""
    needle, question = TEMPLATES[domain]
    trials = []
    used = set(re.findall(r"\w+", known))
    for _ in range(count):
        first, last, other = (_name(rng, used) for _ in range(3))
        trials.append(
            Trial(
                needle=_ids(codec, needle.format(first=first, last=last)),
                decoy=_ids(codec, needle.format(first=first, last=other)),
                question=_ids(codec, question.format(first=first)),
                answer=_ids(codec, f" {last}"),
            )
        )
    return trials


def room_needed(trials: Sequence[Trial]) -> int:
    """Least length of context in which every trial fits with some other text."""
    return max(
        max(len(one.needle), len(one.decoy)) + len(one.question) + len(one.answer) + MIN_HAY
        for one in trials
    )


def haystack(
    tail_of: TailLogits,
    stream: Ints,
    trials: Sequence[Trial],
    lengths: Sequence[int],
    report: Report | None = None,
    piece: int | None = None,
) -> list[Found]:
    """Every length and depth; trials take their other text from places spread over the stream.

    A model that reads texts in pieces of so many tokens reads more of them side by side.

    Raises:
        MemoryError: texts of one of the lengths do not fit into memory.
    """
    answers = [len(one.answer) for one in trials]
    placed = [(one, index / max(1, len(trials) - 1)) for index, one in enumerate(trials)]
    cells = [(length, depth) for length in lengths for depth in DEPTHS]
    found = []
    for index, (length, depth) in enumerate(cells):
        if report is not None:
            report(index, len(cells))
        rows = max(1, ROW_TOKENS // min(length, piece or length))
        told, others = (
            [text_of(stream, one, length, depth, place, shown=shown) for one, place in placed]
            for shown in (True, False)
        )
        nats, exact = _asked(tail_of, told, answers, rows)
        other_nats, guessed = _asked(tail_of, others, answers, rows)
        found.append(Found(length, depth, other_nats - nats, exact, guessed))
    return found


def text_of(
    stream: Ints, trial: Trial, length: int, depth: float, place: float, *, shown: bool
) -> Ints:
    """At most `length` tokens that end with the answer; `place` in [0, 1] says which other text.

    The other text is the same whether the needle is shown or its decoy.
    """
    needle = trial.needle if shown else trial.decoy
    longest = max(len(trial.needle), len(trial.decoy))
    room = length - longest - len(trial.question) - len(trial.answer)
    start = int(place * max(0, len(stream) - room))
    hay = stream[start : start + room]
    cut = round(depth * len(hay))
    return np.concatenate([hay[:cut], needle, hay[cut:], trial.question, trial.answer])


def _asked(
    tail_of: TailLogits, texts: Sequence[Ints], answers: Sequence[int], rows: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Of texts that end with answers of so many tokens: nats, and whether all tokens came first."""
    nats = np.zeros(len(texts))
    exact = np.zeros(len(texts), dtype=np.bool_)
    groups: dict[tuple[int, int], list[int]] = {}
    for index, (text, count) in enumerate(zip(texts, answers, strict=True)):
        groups.setdefault((len(text), count), []).append(index)
    for (_, count), some in groups.items():
        batch = torch.from_numpy(np.stack([texts[index] for index in some]))
        said = in_parts(partial(_answered, tail_of, count), batch, rows).numpy()
        nats[some], exact[some] = said[:, 0], said[:, 1] > 0
    return nats, exact


def _answered(tail_of: TailLogits, count: int, texts_BT: Tensor) -> Tensor:
    """Of texts that end with an answer of `count` tokens: its nats, and 1 where each of them was
    the most likely one, [B, 2].
    """
    answers_BK = texts_BT[:, -count:]
    log_probs_BKV = F.log_softmax(tail_of(texts_BT[:, :-1], count).double(), dim=-1).cpu()
    nats_BK = -log_probs_BKV.gather(2, answers_BK[..., None])[..., 0]
    exact_B = (log_probs_BKV.argmax(dim=-1) == answers_BK).all(dim=1)
    return torch.stack([nats_BK.sum(dim=1), exact_B.double()], dim=1)


def _name(rng: np.random.Generator, used: set[str]) -> str:
    """Two or three syllables with a capital letter, never given before."""
    while True:
        syllables = [
            f"{rng.choice(_ONSETS)}{rng.choice(list(_VOWELS))}" for _ in range(rng.integers(2, 4))
        ]
        name = "".join(syllables).capitalize()
        if name not in used:
            used.add(name)
            return name


def _ids(codec: Tokenizer, text: str) -> Ints:
    return np.asarray(codec.encode(text), dtype=np.int64)
