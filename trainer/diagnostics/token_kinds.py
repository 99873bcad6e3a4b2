"""What kind of text a token is, by its first character that is no white space.

An apostrophe is punctuation. A letter after another letter goes on with its word, whether the
tokens are characters or pieces of words.
"""

import unicodedata
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.tokenizer import NUM_CONTROLS, Tokenizer

Kind = Literal["word start", "inside word", "digit", "punctuation", "white space", "control"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SPACE, LETTER, DIGIT, PUNCTUATION, CONTROL = range(5)
Ints = NDArray[np.int64]


def token_kinds(codec: Tokenizer, stream: Ints) -> NDArray[np.int8]:
    """For each token of the stream its place in `KINDS`."""
    classes = _byte_classes(codec, stream)
    ends = np.cumsum(codec.byte_lengths[stream])
    starts = ends - codec.byte_lengths[stream]
    # The first byte at or behind each place that is no white space.
    places = np.where(classes != SPACE, np.arange(len(classes)), len(classes))
    solid = np.append(np.minimum.accumulate(places[::-1])[::-1], len(classes))
    first = solid[starts]
    blank = first >= ends
    of_first = np.append(classes, SPACE)[np.minimum(first, len(classes))]
    before = np.where(first > 0, classes[np.maximum(first, 1) - 1], SPACE)
    inside = (of_first == LETTER) & (before == LETTER)
    kinds = np.full(len(stream), KINDS.index("punctuation"), dtype=np.int8)
    kinds[of_first == LETTER] = KINDS.index("word start")
    kinds[inside] = KINDS.index("inside word")
    kinds[of_first == DIGIT] = KINDS.index("digit")
    kinds[blank] = KINDS.index("white space")
    kinds[stream < NUM_CONTROLS] = KINDS.index("control")
    return kinds


def _byte_classes(codec: Tokenizer, stream: Ints) -> NDArray[np.int8]:
    """The class of each byte's character; all bytes of a control token are CONTROL."""
    # A byte that is no UTF-8, where the stream was cut inside a character, stands for itself.
    text = codec.token_bytes(stream.tolist()).decode("utf-8", errors="surrogateescape")
    known = {character: _class(character) for character in set(text)}
    sizes = {one: len(one.encode("utf-8", errors="surrogateescape")) for one in known}
    lengths = np.array([sizes[character] for character in text], dtype=np.int64)
    classes = np.repeat(np.array([known[one] for one in text], dtype=np.int8), lengths)
    classes[np.repeat(stream < NUM_CONTROLS, codec.byte_lengths[stream])] = CONTROL
    return classes


def _class(character: str) -> int:
    match unicodedata.category(character)[0]:
        case "L" | "M":
            return LETTER
        case "N":
            return DIGIT
        case "Z":
            return SPACE
        case "C":
            return SPACE if character in "\t\n\v\f\r" else PUNCTUATION
        case _:
            return PUNCTUATION
