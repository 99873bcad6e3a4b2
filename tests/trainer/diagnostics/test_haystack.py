"""A needle is found by a model that copies, and by no other."""

import numpy as np
import pytest
from torch import Tensor

from tests.hand_made_models import copier, forgetful, of_tails
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


def prepared(codec: Tokenizer, count: int = 4) -> tuple[np.ndarray, list[Trial]]:
    stream = np.asarray(codec.encode(HAY), dtype=np.int64)
    return stream, make_trials(codec, "text", HAY, count, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["byte", "bpe"])
def test_a_model_that_copies_finds_every_needle(kind: str) -> None:
    codec = CharTokenizer("byte") if kind == "byte" else train_tokenizer("bpe", [HAY], 300)
    stream, trials = prepared(codec)
    found = haystack(of_tails(copier), stream, trials, [128])
    assert [one.depth for one in found] == list(DEPTHS)
    for one in found:
        assert one.exact.all()
        assert not one.guessed.any()
        assert (one.advantage > 5).all()


def test_a_model_that_forgets_saves_nothing() -> None:
    stream, trials = prepared(CharTokenizer("byte"))
    for one in haystack(of_tails(forgetful), stream, trials, [100]):
        assert not one.advantage.any()
        assert not one.exact.any()


def test_a_model_that_is_told_too_late_finds_nothing() -> None:
    codec = CharTokenizer("byte")
    stream, trials = prepared(codec)

    def near_sighted(tokens_BT: Tensor) -> Tensor:
        return copier(tokens_BT[:, -60:])

    found = {one.depth: one for one in haystack(of_tails(near_sighted), stream, trials, [256])}
    assert found[1.0].exact.all()
    assert not any(found[depth].exact.any() for depth in DEPTHS[:-1])


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
