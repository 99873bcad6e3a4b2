"""The trigram model of the train text's words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.battery.fakes import fake_texts, shuffled_words, uniform_characters
from inference_battery.kneser_ney import KneserNey
from inference_battery.reference import Reference
from inference_battery.text import evenly, spread
from inference_battery.word_model import WordModel


def mean_bits(prose: Reference, texts: list[str]) -> float:
    return sum(map(prose.word_model.bits_per_character, texts)) / len(texts)


def mean_gain(prose: Reference, texts: list[str]) -> float:
    return sum(map(prose.word_model.gain, texts)) / len(texts)


def test_bits_and_gain_are_those_of_the_trigram_model() -> None:
    model = WordModel("one two one two")
    # "one" is 1 and "two" is 2; what is unknown is 0 and counts one half.
    bits = KneserNey(np.array([1, 2, 1, 2]), 3, 3).bits(np.array([2, 2, 1]))
    assert model.bits_per_character("two two one") == pytest.approx(bits.sum() / 9)
    alone = -np.log2(2.5 / 5.5)
    assert model.gain("two two one") == pytest.approx(alone - (bits[1] + bits[2]) / 2)


def test_sentences_are_easier_than_words_in_any_order_and_those_than_letters(
    prose: Reference,
) -> None:
    people = prose.passages(200)
    shuffled = fake_texts(shuffled_words, prose.train, people, 0)
    letters = fake_texts(uniform_characters, prose.train, people, 0)
    bits = [mean_bits(prose, texts) for texts in (people, shuffled, letters)]
    assert bits[0] + 0.5 < bits[1]
    assert bits[1] + 2 < bits[2]


def test_the_words_before_save_most_in_the_train_text_and_nothing_in_a_shuffled_one(
    prose: Reference,
) -> None:
    people = prose.passages(200)
    shuffled = fake_texts(shuffled_words, prose.train, people, 0)
    copies = spread(prose.train, 200, 64)
    assert mean_gain(prose, copies) > mean_gain(prose, people) + 0.5
    assert mean_gain(prose, people) > 1
    assert mean_gain(prose, shuffled) < 0.2


def test_a_word_seen_twice_costs_less_than_a_word_seen_once() -> None:
    model = WordModel("apple plums and apple pears")
    assert model.bits_per_character("apple") < model.bits_per_character("pears")


def test_an_unknown_word_is_paid_for_letter_by_letter() -> None:
    model = WordModel("the king saw the queen and the thing at the spring by the wing ring")
    assert model.bits_per_character("ing") < model.bits_per_character("gni")
    assert model.bits_per_character("xqz") > model.bits_per_character("gni")


@pytest.mark.parametrize("text", ["", " \n", "<|user|>"])
def test_a_text_without_pieces_costs_and_saves_nothing(text: str) -> None:
    model = WordModel("one two one two")
    assert (model.bits_per_character(text), model.gain(text)) == (0, 0)


def test_a_single_piece_saves_nothing() -> None:
    assert WordModel("one two one two").gain("one") == 0


def test_case_and_markers_cost_nothing(prose: Reference) -> None:
    measure = prose.word_model.bits_per_character
    assert measure("<|user|> The CAPTAIN slept.") == measure("the captain slept.")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_has_a_finite_cost(train: str, text: str) -> None:
    assert 0 <= WordModel(train).bits_per_character(text) < float("inf")


def test_a_long_text_is_read_from_its_beginning_to_its_end() -> None:
    text = "".join(chr(ord("a") + i // 1000) for i in range(26_000))
    found = evenly(text, 6400)
    assert len(found.replace("\n", "")) == 6400
    assert found[:100] == "a" * 100
    assert found[-100:] == "z" * 100
    assert set(found) == {*"abcdefghijklmnopqrstuvwxyz", "\n"}


@given(st.text(max_size=300))
def test_a_short_text_is_read_whole(text: str) -> None:
    assert evenly(text, 300) == text
