"""The order-2 yardstick against a slow model written straight from the formula."""

from collections import Counter, defaultdict
from math import log2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import order2
from trainer.order2 import Order2Model, order2_bits_per_byte

few_bytes = st.lists(st.sampled_from(b"ab\x00\xff "), max_size=60).map(bytes)


def reference_bits_per_byte(train: bytes, test: bytes) -> float:
    counts: dict[bytes, Counter[int]] = defaultdict(Counter)
    for order in range(3):
        for end in range(order, len(train)):
            counts[train[end - order : end]][train[end]] += 1

    def probability(context: bytes, byte: int) -> float:
        lower = probability(context[1:], byte) if context else 1 / 256
        seen = counts[context]
        if not seen:
            return lower
        return (seen[byte] + len(seen) * lower) / (seen.total() + len(seen))

    places = range(len(test))
    return -sum(log2(probability(test[max(0, i - 2) : i], test[i])) for i in places) / len(test)


@given(train=few_bytes, test=few_bytes.filter(bool))
@settings(max_examples=200, deadline=None)
def test_it_equals_the_slow_reference(train: bytes, test: bytes) -> None:
    expected = reference_bits_per_byte(train, test)
    assert order2_bits_per_byte(train, test) == pytest.approx(expected, rel=1e-12)


def test_a_text_longer_than_a_chunk_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = b"the cat sat on the mat, " * 20, b"a cat sat on a mat that sat"
    whole = order2_bits_per_byte(train, test)
    monkeypatch.setattr(order2, "_CHUNK_BYTES", 7)
    assert order2_bits_per_byte(train, test) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("context", [b"th", b"zz", b"\xff\x00", b"at"])
def test_probabilities_sum_to_one_after_any_context(context: bytes) -> None:
    model = Order2Model(b"the cat sat on the mat")
    codes = (context[0] << 16 | context[1] << 8) + np.arange(256, dtype=np.int64)
    probabilities = model.probabilities(codes)
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert probabilities.min() > 0


def test_without_training_text_every_byte_costs_eight_bits() -> None:
    assert order2_bits_per_byte(b"", b"anything") == 8


def test_an_empty_test_text_is_refused() -> None:
    with pytest.raises(ValueError, match="empty text has no bits per byte"):
        order2_bits_per_byte(b"abc", b"")


def test_english_lands_where_order_two_models_do() -> None:
    path = Path(__file__).parents[3] / "shared/data/tinyshakespeare.txt"
    if not path.exists():
        pytest.skip("tinyshakespeare is not beside the project")
    text = path.read_bytes()
    cut = len(text) * 9 // 10
    assert 2.6 < order2_bits_per_byte(text[:cut], text[cut:]) < 3.0
