"""Interpolated Kneser-Ney against sums, hand-computed values and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.kneser_ney import KneserNey

VOCAB = 4
TOKENS = st.lists(st.integers(0, VOCAB - 1), max_size=60)
ABACAB = [0, 1, 0, 2, 0, 1]
"""Bigrams 01 twice, 10, 02 and 20 once: D2 = 3 / (3 + 2) and D1 = 2 / (2 + 2)."""


def fitted(tokens: list[int], vocab_size: int = VOCAB, order: int = 2) -> KneserNey:
    return KneserNey(np.array(tokens, dtype=np.int64), vocab_size, order)


def chances(model: KneserNey, tokens: list[int]) -> list[float]:
    found: list[float] = (2.0 ** -model.bits(np.array(tokens, dtype=np.int64))).tolist()
    return found


@given(TOKENS, TOKENS, st.integers(1, 4))
def test_probabilities_after_any_history_add_up_to_one(
    train: list[int], history: list[int], order: int
) -> None:
    model = fitted(train, order=order)
    after = [chances(model, [*history, token])[-1] for token in range(VOCAB)]
    assert min(after) > 0
    assert sum(after) == pytest.approx(1, abs=1e-12)


@given(TOKENS, TOKENS, TOKENS)
def test_a_token_costs_the_same_whatever_follows(
    train: list[int], text: list[int], more: list[int]
) -> None:
    model = fitted(train, order=3)
    assert chances(model, [*text, *more])[: len(text)] == chances(model, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ([0], 1.5 / 4 + 0.5 * 3 / 4 / 3),
        ([1], 0.5 / 4 + 0.5 * 3 / 4 / 3),
        ([0, 1], (2 - 0.6) / 3 + 0.6 * 2 / 3 * 0.25),
        ([0, 2], (1 - 0.6) / 3 + 0.6 * 2 / 3 * 0.25),
        ([0, 0], 0.6 * 2 / 3 * 0.5),
        ([2, 0], (1 - 0.6) / 1 + 0.6 * 1 / 1 * 0.5),
    ],
)
def test_a_bigram_model_has_the_probabilities_computed_by_hand(
    text: list[int], expected: float
) -> None:
    assert chances(fitted(ABACAB, vocab_size=3), text)[-1] == pytest.approx(expected, abs=1e-12)


def test_a_lower_order_counts_predecessors_and_not_occurrences() -> None:
    model = fitted([0, 1, 0, 1, 0, 1, 2, 3, 1, 3], order=2)
    # 1 occurs four times behind two tokens, 3 twice behind two.
    assert chances(model, [1])[0] == chances(model, [3])[0]


@pytest.mark.parametrize("token", range(VOCAB))
def test_an_unseen_history_leaves_the_lower_order(token: int) -> None:
    model = fitted(ABACAB)
    assert chances(model, [3, token])[1] == chances(model, [token])[0]


@given(st.integers(1, 50), st.integers(1, 3))
def test_without_a_train_text_every_token_is_equally_likely(vocab_size: int, order: int) -> None:
    model = fitted([], vocab_size=vocab_size, order=order)
    assert chances(model, [0, vocab_size - 1]) == pytest.approx([1 / vocab_size] * 2)


@pytest.mark.parametrize(
    ("train", "seen", "unseen"),
    [
        pytest.param([0, 1], 0.05 / 2 + 0.95 / 4, 0.95 / 4, id="no count of 2: at most 0.95"),
        pytest.param([0, 0, 1, 1], 1.5 / 4 + 0.25 / 4, 0.25 / 4, id="no count of 1: one half"),
    ],
)
def test_the_discount_stays_inside_its_bounds(train: list[int], seen: float, unseen: float) -> None:
    model = fitted(train, order=1)
    assert chances(model, [0, 2]) == pytest.approx([seen, unseen], abs=1e-12)


def test_the_order_of_the_train_text_matters() -> None:
    text = [0, 1, 2, 3] * 8
    forwards, backwards = fitted(text, order=3), fitted(text[::-1], order=3)
    tokens = np.array(text)
    assert forwards.bits(tokens)[3:].max() < backwards.bits(tokens)[3:].min()


def test_the_largest_code_that_fits_is_taken_and_one_bit_more_is_refused() -> None:
    assert fitted([7, 7], vocab_size=2**31, order=2).vocab_size == 2**31
    with pytest.raises(ValueError, match="order 3 over 2,097,152 tokens needs more than 62 bits"):
        fitted([], vocab_size=2**21, order=3)
