"""Openings for a model to continue, taken from text that it was not trained on."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, assert_never

from state.seeds import generator

Domain = Literal["chat", "text"]

MAX_CHAT_CHARACTERS = 240
MIN_WORDS, MAX_WORDS = 8, 12

_FIRST_TURN = re.compile(r"<\|user\|>\s*\S.*?<\|assistant\|>", re.DOTALL)
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")

_QUESTIONS = (
    "How are you this morning?",
    "Who lives in that house?",
    "Tell me about your family.",
    "What do you think of the weather?",
    "Why did he leave so early?",
    "Will you come with us tomorrow?",
    "Where have you been all day?",
    "Do you remember the first time we met?",
    "What shall I tell your sister?",
    "Is it far to the next village?",
    "What is the matter with him?",
    "Have you read the letter?",
    "When do you expect them back?",
    "I am afraid that I was wrong.",
    "How long have you known her?",
    "What would you do in my place?",
    "Did you hear the news from town?",
    "May I ask you a question?",
    "I have never seen such a garden.",
    "What do you like to do in the evening?",
)

_OPENINGS = (
    "It was late in the evening when they came to",
    "The old man looked at the river and said that",
    "She opened the letter slowly, and before she had read",
    "In the morning the whole village was talking about the",
    "There was once a house at the end of the",
    "He had never been so far from home, and the",
    "When the rain stopped, we went out into the garden",
    "Nobody could remember who had built the bridge, but everyone",
    "The first thing that she saw in the room was",
    "I have often thought about the day on which we",
    "My father used to say that a good horse is",
    "They walked for an hour without a word, until at",
    "The captain gave the order, and the men began to",
    "If you had asked me then, I would have told",
    "On the table there lay a book, a candle and",
    "The winter was long that year, and the people of",
    "He took the key from his pocket and tried to",
    "As soon as the doctor had gone, she turned to",
    "It is not easy to explain why the two brothers",
    "At the market they sold apples, bread, cheese and the",
)


def choose_prompts(
    documents: Sequence[str], domain: Domain, count: int, seed: int
) -> tuple[str, ...]:
    """Up to `count` distinct prompts, a pure function of the arguments.

    chat: a first user turn of at most 240 characters, up to and including its `<|assistant|>`.
    text: the first 8 to 12 words of a paragraph of at least twice as many.
    Built-in prompts fill the gap where the documents offer too few; there are 20 of each kind.
    """
    match domain:
        case "chat":
            found = _first_turns(documents)
            spare = [f"<|user|> {question} <|assistant|>" for question in _QUESTIONS]
        case "text":
            found = _first_words(documents, seed)
            spare = list(_OPENINGS)
        case _:
            assert_never(domain)
    candidates = list(dict.fromkeys(found))
    order = generator(seed, "prompts", domain).permutation(len(candidates))
    chosen = dict.fromkeys([candidates[i] for i in order[:count]] + spare)
    return tuple(chosen)[:count]


def _first_turns(documents: Sequence[str]) -> Iterator[str]:
    for document in documents:
        turn = _FIRST_TURN.search(document)
        if turn and len(turn[0]) <= MAX_CHAT_CHARACTERS and turn[0].count("<|user|>") == 1:
            yield turn[0]


def _first_words(documents: Sequence[str], seed: int) -> Iterator[str]:
    lengths = generator(seed, "prompt lengths")
    for document in documents:
        for paragraph in _PARAGRAPH_BREAK.split(document):
            num_words = int(lengths.integers(MIN_WORDS, MAX_WORDS + 1))
            opening = re.match(rf"\s*(\S+(?:\s+\S+){{{num_words - 1}}})", paragraph)
            if opening and len(paragraph.split()) >= 2 * num_words:
                yield opening[1]
