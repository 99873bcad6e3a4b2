"""A needle is found by a model that copies, and by no other."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.diagnostics.haystack import (
    DEPTHS,
    MIN_HAY,
    Trial,
    haystack,
    make_trials,
    room_needed,
    text_of,
)
from trainer.tokenizer import CharTokenizer, Tokenizer, train_tokenizer

HAY = "The sea was calm, and no boat went out to look for fish that day. " * 40


def copier(tokens_BT: Tensor) -> Tensor:
    """Gives what followed the longest earlier match of the end of what it has read."""
    logits = torch.zeros(len(tokens_BT), 2000)
    for row, tokens in enumerate(tokens_BT.tolist()):
        last = len(tokens) - 1
        best, follower = 0, 0
        for place in range(last):
            length = 0
            while length <= place and tokens[place - length] == tokens[last - length]:
                length += 1
            if length >= best:
                best, follower = length, tokens[place + 1]
        logits[row, follower] = 20.0
    return logits


def forgetful(tokens_BT: Tensor) -> Tensor:
    """Knows the last token alone."""
    return torch.nn.functional.one_hot(tokens_BT[:, -1], 2000).float()


def prepared(codec: Tokenizer, count: int = 4) -> tuple[np.ndarray, list[Trial]]:
    stream = np.asarray(codec.encode(HAY), dtype=np.int64)
    return stream, make_trials(codec, "text", HAY, count, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["byte", "bpe"])
def test_a_model_that_copies_finds_every_needle(kind: str) -> None:
    codec = CharTokenizer("byte") if kind == "byte" else train_tokenizer("bpe", [HAY], 300)
    stream, trials = prepared(codec)
    found = haystack(copier, stream, trials, [128])
    assert [one.depth for one in found] == list(DEPTHS)
    for one in found:
        assert one.exact.all()
        assert not one.guessed.any()
        assert (one.advantage > 5).all()


def test_a_model_that_forgets_saves_nothing() -> None:
    stream, trials = prepared(CharTokenizer("byte"))
    for one in haystack(forgetful, stream, trials, [100]):
        assert not one.advantage.any()
        assert not one.exact.any()


def test_a_text_is_the_needle_among_other_text_and_the_question() -> None:
    codec = CharTokenizer("byte")
    stream, (trial, *_) = prepared(codec)
    texts = [text_of(stream, trial, 100, depth, 0.5, shown=True) for depth in DEPTHS]
    told = codec.decode(trial.needle.tolist())
    assert [codec.decode(text.tolist()).index(told) for text in texts] == sorted(
        codec.decode(text.tolist()).index(told) for text in texts
    )
    assert codec.decode(texts[0].tolist()).startswith(told)
    ending = codec.decode([*trial.question.tolist(), *trial.answer.tolist()])
    assert codec.decode(texts[-1].tolist()).endswith(told + ending)
    hidden = text_of(stream, trial, 100, 0.5, 0.5, shown=False)
    assert codec.decode(hidden.tolist()).count(codec.decode(trial.answer.tolist())) == 1
    assert all(len(text) <= 100 for text in (*texts, hidden))


def test_names_are_new_and_the_chat_asks_as_the_corpus_does() -> None:
    codec = CharTokenizer("byte")
    trials = make_trials(codec, "chat", "Dado said", 50, np.random.default_rng(1))
    questions = [codec.decode(one.question.tolist()) for one in trials]
    assert len(set(questions)) == 50
    assert not any("Dado" in one for one in questions)
    assert all(one.startswith("<|user|> Who is ") for one in questions)
    needles = [codec.decode(one.needle.tolist()) for one in trials]
    answers = [codec.decode(one.answer.tolist()) for one in trials]
    pairs = zip(needles, answers, strict=True)
    assert all(needle.endswith(f"{answer}. <|end_of_text|>\n") for needle, answer in pairs)


def test_the_room_that_is_asked_for_holds_some_other_text() -> None:
    stream, trials = prepared(CharTokenizer("byte"))
    room = room_needed(trials)
    for one in trials:
        text = text_of(stream, one, room, 0.0, 0.0, shown=True)
        told = len(one.needle) + len(one.question) + len(one.answer)
        assert len(text) - told >= MIN_HAY
