"""Texts that a score must not mistake for a model's work, and people's own.

Every fake has as many texts as there are prompts, each as long as people's answer to the prompt.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from inference_battery.text import sentences
from state.seeds import generator

Fake = Callable[[np.random.Generator, str, Sequence[str]], list[str]]
"""(random numbers, train text, held-out answers) to texts."""


def uniform_characters(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Every character of the train text equally likely."""
    characters = np.array(sorted(set(train)))
    return ["".join(rng.choice(characters, size=len(one))) for one in answers]


def unigram_characters(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Characters as frequent as in the train text, in any order."""
    characters = np.array(list(train))
    return ["".join(rng.choice(characters, size=len(one))) for one in answers]


def unigram_words(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Words as frequent as in the train text, in any order."""
    words = np.array(train.split(), dtype=object)
    return [_cut(list(rng.choice(words, size=len(one))), " ", len(one)) for one in answers]


def trigram_characters(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Every character drawn from those that follow the two before it in the train text."""
    return _markov(rng, list(train), answers, "")


def trigram_words(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Every word drawn from those that follow the two before it in the train text."""
    return _markov(rng, train.split(), answers, " ")


def repeated_sentence(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """One sentence of the train text over and over."""
    long = [one.strip() for one in sentences(train) if 30 <= len(one) <= 80]
    sentence = long[int(rng.integers(len(long)))]
    return [_cut([sentence] * len(one), " ", len(one)) for one in answers]


def train_text(rng: np.random.Generator, train: str, answers: Sequence[str]) -> list[str]:
    """Passages of the train text, word for word."""
    starts = [int(rng.integers(len(train) - len(one))) for one in answers]
    found = [train[start : start + len(one)] for start, one in zip(starts, answers, strict=True)]
    return [text.split(" ", 1)[-1] for text in found]


def shuffled_words(rng: np.random.Generator, _train: str, answers: Sequence[str]) -> list[str]:
    """Held-out text with the words of each passage in any order."""
    return [" ".join(rng.permutation(np.array(one.split(), dtype=object))) for one in answers]


def nothing(_rng: np.random.Generator, _train: str, answers: Sequence[str]) -> list[str]:
    """Empty answers."""
    return [""] * len(answers)


FAKES: tuple[Fake, ...] = (
    uniform_characters,
    unigram_characters,
    unigram_words,
    trigram_characters,
    trigram_words,
    repeated_sentence,
    train_text,
    shuffled_words,
    nothing,
)


def fake_texts(fake: Fake, train: str, answers: Sequence[str], seed: int) -> list[str]:
    """What a fake writes."""
    return fake(generator(seed, "fake", fake.__name__), train, answers)


def _cut(words: Sequence[str], joint: str, length: int) -> str:
    return joint.join(words)[:length]


def _markov(
    rng: np.random.Generator, tokens: list[str], answers: Sequence[str], joint: str
) -> list[str]:
    followers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for first, second, third in zip(tokens, tokens[1:], tokens[2:], strict=False):
        followers[first, second].append(third)
    return [_walk(rng, tokens, followers, joint, len(one)) for one in answers]


def _walk(
    rng: np.random.Generator,
    tokens: list[str],
    followers: dict[tuple[str, str], list[str]],
    joint: str,
    length: int,
) -> str:
    start = int(rng.integers(len(tokens) - 1))
    written = tokens[start : start + 2]
    while len(joint.join(written)) < length:
        following = followers.get((written[-2], written[-1]))
        if not following:
            break
        written.append(following[int(rng.integers(len(following)))])
    return joint.join(written)[:length]
