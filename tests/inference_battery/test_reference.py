"""Human levels and where they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.reference import LENGTH_STEP, NUM_PASSAGES, Reference
from inference_battery.text import spread
from tests.inference_battery.corpora import corpus

ANSWERS = ("a", "bb" * 50, "ccc" * 100)
DOCUMENTS = tuple(
    f"<|user|> Question {i}? <|assistant|> {answer} <|end_of_text|>"
    for i, answer in enumerate(ANSWERS)
)


class Counted:
    """The length of a text, and how often it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, text: str) -> float:
        self.calls += 1
        return float(len(text))


def reference() -> Reference:
    return Reference("x" * 640, DOCUMENTS, "chat")


def test_passages_are_people_s_answers_cut_to_the_length() -> None:
    assert sorted(reference().passages(64)) == ["a", "b" * 64, "c" * 64]
    assert sorted(reference().passages(9999)) == sorted(ANSWERS)


def test_an_empty_answer_is_no_passage() -> None:
    silent = Reference("x", ["<|user|> Hello? <|assistant|> <|end_of_text|>"], "chat")
    assert silent.exchanges == ()
    assert silent.passages(64) == []


@pytest.mark.parametrize(
    ("length", "steps"), [(0, 1), (63, 1), (95, 1), (97, 2), (128, 2), (200, 3)]
)
def test_a_level_is_taken_at_the_nearest_multiple_of_the_step(length: int, steps: int) -> None:
    cut = steps * LENGTH_STEP
    expected = [1.0, float(min(100, cut)), float(min(300, cut))]
    assert reference().level("length", Counted(), length) == expected


def test_a_level_is_measured_once_for_a_name_and_a_length() -> None:
    subject, raw = reference(), Counted()
    first = subject.level("length", raw, 130)
    assert subject.level("length", raw, 128) == first
    assert raw.calls == len(ANSWERS)
    subject.level("length", raw, 200)
    subject.level("another", raw, 128)
    assert raw.calls == 3 * len(ANSWERS)


def test_mean_and_quantile_are_those_of_the_level() -> None:
    subject = reference()
    assert subject.mean("length", Counted(), 128, -1) == pytest.approx((1 + 100 + 128) / 3)
    assert subject.quantile("length", Counted(), 128, 0.5, -1) == 100
    assert subject.quantile("length", Counted(), 128, 0.75, -1) == 114


def test_where_people_show_nothing_the_caller_s_value_is_taken() -> None:
    bare = Reference("x", ["no exchange in here"], "chat")
    assert bare.level("length", Counted(), 64) == []
    assert bare.mean("length", Counted(), 64, 0.25) == 0.25
    assert bare.quantile("length", Counted(), 64, 0.95, 0.5) == 0.5


def test_copies_are_measured_on_the_train_text_and_once() -> None:
    subject, raw = reference(), Counted()
    assert subject.seen_mean("length", raw, 130) == 128
    assert raw.calls == 5
    assert subject.seen_mean("length", raw, 126) == 128
    assert raw.calls == 5


def test_a_cached_value_is_found_once() -> None:
    subject = reference()
    assert subject.cached("name", lambda: 1.5) == 1.5
    assert subject.cached("name", lambda: 2.5) == 1.5
    assert subject.cached("other", lambda: 2.5) == 2.5


def test_the_train_text_stands_in_where_nothing_is_held_out() -> None:
    train, _, _ = corpus("text")
    alone = Reference(train, [], "text")
    assert alone.held_out == (train,)
    assert len(alone.exchanges) == NUM_PASSAGES
    assert all(one.prompt in train and one.answer in train for one in alone.exchanges)


def test_known_words_are_those_of_the_train_text() -> None:
    assert Reference("The mill, the <|user|> boat", [], "text").known_words == {
        "the",
        "mill",
        "boat",
    }


@given(st.text(max_size=300), st.integers(1, 100), st.integers(1, 9))
def test_stretches_lie_in_the_text_from_its_beginning_to_its_end(
    text: str, length: int, count: int
) -> None:
    found = spread(text, length, count)
    assert len(found) == max(1, min(count, len(text) // length))
    assert all(one in text and len(one) == min(length, len(text)) for one in found)
    assert text.startswith(found[0])
    assert len(found) == 1 or text.endswith(found[-1])
