"""Openings for a model to continue, taken from text that it was not trained on."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, assert_never

from inference_battery.text import MARKER
from state.seeds import generator

Domain = Literal["chat", "text"]

MAX_CHAT_CHARACTERS = 240
MIN_WORDS, MAX_WORDS = 8, 12
MAX_ANSWER = 2_000
"""Characters of people's own text that are kept behind an opening."""

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


class Exchange(NamedTuple):
    """An opening, and what people went on with."""

    prompt: str
    answer: str


def choose_prompts(
    documents: Sequence[str], domain: Domain, count: int, seed: int
) -> tuple[str, ...]:
    """Up to `count` distinct prompts, a pure function of the arguments.

    Openings of the documents; our own fill the gap where there are too few.
    """
    found = [one.prompt for one in exchanges(documents, domain, count, seed)]
    return tuple(dict.fromkeys([*found, *own_prompts(domain)]))[:count]


def own_prompts(domain: Domain) -> tuple[str, ...]:
    """Twenty prompts of our own, which need not suit the text that a model was trained on."""
    match domain:
        case "chat":
            return tuple(f"<|user|> {question} <|assistant|>" for question in _QUESTIONS)
        case "text":
            return _OPENINGS
        case _:
            assert_never(domain)


def read_prompts(content: str, domain: Domain) -> tuple[str, ...]:
    """One prompt a line; empty lines are left out. In chat a line is what the user says.

    Raises:
        ValueError: no line holds a prompt.
    """
    found = [line.strip() for line in content.splitlines() if line.strip()]
    if not found:
        raise ValueError("holds no prompt; write one a line")
    return tuple(dict.fromkeys(as_prompt(line, domain) for line in found))


def as_prompt(text: str, domain: Domain) -> str:
    """A chat model is asked as a user would ask it; other models go on from the text itself."""
    asks = domain == "chat" and not MARKER.search(text)
    return f"<|user|> {text} <|assistant|>" if asks else text


def exchanges(
    documents: Sequence[str], domain: Domain, count: int, seed: int
) -> tuple[Exchange, ...]:
    """Up to `count` exchanges with distinct prompts, in an order drawn by the seed.

    chat: a first user turn of at most 240 characters, up to and including its `<|assistant|>`.
    text: the first 8 to 12 words of a paragraph of at least twice as many, and the text after it.
    """
    match domain:
        case "chat":
            found = list(_first_turns(documents))
        case "text":
            found = list(_first_words(documents, seed))
        case _:
            assert_never(domain)
    distinct = list({one.prompt: one for one in reversed(found)}.values())[::-1]
    order = generator(seed, "prompts", domain).permutation(len(distinct))
    return tuple(distinct[i] for i in order[:count])


def _first_turns(documents: Sequence[str]) -> Iterator[Exchange]:
    for document in documents:
        markers = list(MARKER.finditer(document))
        turn = next((i for i, one in enumerate(markers) if one[0] == "<|user|>"), len(markers))
        found = markers[turn : turn + 3]
        if [one[0] for one in found[:2]] != ["<|user|>", "<|assistant|>"]:
            continue
        asked = document[found[0].start() : found[1].end()]
        end = found[2].start() if len(found) > 2 else len(document)
        says = document[found[0].end() : found[1].start()].strip()
        if says and len(asked) <= MAX_CHAT_CHARACTERS:
            yield Exchange(asked, document[found[1].end() : end].strip())


def _first_words(documents: Sequence[str], seed: int) -> Iterator[Exchange]:
    lengths = generator(seed, "prompt lengths")
    for document in documents:
        for start, paragraph in _paragraphs(document):
            num_words = int(lengths.integers(MIN_WORDS, MAX_WORDS + 1))
            opening = re.match(rf"\s*(\S+(?:\s+\S+){{{num_words - 1}}})", paragraph)
            if opening and len(paragraph.split()) >= 2 * num_words:
                after = start + opening.end()
                yield Exchange(opening[1], document[after : after + MAX_ANSWER].strip())


def _paragraphs(document: str) -> Iterator[tuple[int, str]]:
    """Where each paragraph begins, and its text."""
    start = 0
    for gap in [*_PARAGRAPH_BREAK.finditer(document), None]:
        yield start, document[start : gap.start() if gap else len(document)]
        start = gap.end() if gap else start
