"""Known words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.battery.fakes import fake_texts, trigram_characters, uniform_characters
from inference_battery.probes.lexical_validity import known_share, spelt_well
from inference_battery.reference import Reference
from tests.inference_battery.corpora import sample, talk_reference

KNOWN = frozenset({"the", "a", "garden", "lay", "behind", "house", "boat"})


def test_words_count_by_their_letters() -> None:
    assert known_share("a garden xyzw", KNOWN, ended=True) == pytest.approx(7 / 11)


def test_a_word_that_was_cut_off_is_not_held_against_the_model() -> None:
    assert known_share("the gard", KNOWN, ended=False) == 1
    assert known_share("the gard", KNOWN, ended=True) == pytest.approx(3 / 7)
    assert known_share("the gard ", KNOWN, ended=False) == pytest.approx(3 / 7)


@pytest.mark.parametrize("text", ["", "123 !?", "<|end_of_text|>"])
def test_a_text_without_words_has_no_known_letters(text: str) -> None:
    assert known_share(text, KNOWN, ended=True) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("the boat", 1), ("boat sank", 0.5 / 0.8), ("to sea at dawn", 2 / 11 / 0.8), ("zzz", 0)],
)
def test_the_share_is_held_against_people_s(text: str, expected: float) -> None:
    # Eight of people's ten letters lie in known words.
    reference = talk_reference("the boat was tied to a post", "Post post xy.")
    assert spelt_well(sample(text, ended=True), reference) == pytest.approx(expected)


def test_where_people_write_no_known_word_every_text_is_spelt_well() -> None:
    reference = talk_reference("one two", "drei vier.")
    assert spelt_well(sample("f\u00fcnf"), reference) == 1


def test_random_characters_score_far_below_text(prose: Reference) -> None:
    people = prose.passages(200)
    for fake, most in ((uniform_characters, 0.05), (trigram_characters, 0.3)):
        texts = fake_texts(fake, prose.train, people, 0)
        scores = [spelt_well(sample(text), prose) for text in texts]
        assert sum(scores) / len(scores) < most
    assert min(spelt_well(sample(text), prose) for text in people) > 0.9


@given(st.text(), st.frozensets(st.text()), st.booleans())
def test_the_share_stays_in_its_range(text: str, known: frozenset[str], ended: bool) -> None:
    assert 0 <= known_share(text, known, ended=ended) <= 1
