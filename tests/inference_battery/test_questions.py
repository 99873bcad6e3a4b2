"""What the battery asks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.prompts import Domain, own_prompts
from inference_battery.questions import Question, misspelt, questions
from state.records import SampleKind
from state.seeds import generator

PROMPTS = [f"The captain steered past the {i}th lighthouse" for i in range(20)]
HEATS = (0.7, 0.4, 1.0)
MIDDLE = 0.7


def asked(*, every_pair: bool = False, seed: int = 1) -> list[Question]:
    return questions(PROMPTS, HEATS, "text", every_pair=every_pair, seed=seed)


def of_kind(kind: SampleKind, found: list[Question]) -> list[Question]:
    return [one for one in found if one.kind == kind]


def test_every_prompt_is_asked_once_with_the_temperatures_in_turn() -> None:
    plain = of_kind("plain", asked())
    assert [one.prompt for one in plain] == PROMPTS
    assert [one.temperature for one in plain[:7]] == [0.7, 0.4, 1.0, 0.7, 0.4, 1.0, 0.7]


def test_every_pair_asks_twenty_prompts_at_three_temperatures() -> None:
    found = asked(every_pair=True)
    plain = of_kind("plain", found)
    assert {(one.prompt, one.temperature) for one in plain} == {
        (prompt, heat) for prompt in PROMPTS for heat in HEATS
    }
    assert (len(plain), len(found)) == (60, 70)
    assert found[:60] == plain


@pytest.mark.parametrize("every_pair", [False, True])
def test_five_misspelt_prompts_and_five_of_our_own_follow_at_the_middle_temperature(
    every_pair: bool,
) -> None:
    odd = asked(every_pair=every_pair)[-10:]
    assert [one.kind for one in odd] == ["typos"] * 5 + ["other topic"] * 5
    assert {one.temperature for one in odd} == {MIDDLE}
    assert [one.prompt for one in odd[5:]] == list(own_prompts("text")[-5:])
    assert [sorted(one.prompt) for one in odd[:5]] == [sorted(prompt) for prompt in PROMPTS[:5]]


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_no_prompt_is_of_two_kinds(domain: Domain) -> None:
    found = questions(own_prompts(domain), HEATS, domain, every_pair=False, seed=3)
    kinds: dict[str, set[str]] = {}
    for one in found:
        kinds.setdefault(one.prompt, set()).add(one.kind)
    assert all(len(some) == 1 for some in kinds.values())


@pytest.mark.parametrize("prompt", ["Who is it?", "Tell me", "A noon"])
def test_a_prompt_that_cannot_be_misspelt_is_not_asked_as_misspelt(prompt: str) -> None:
    for seed in range(9):
        found = questions([prompt], HEATS, "text", every_pair=False, seed=seed)
        assert prompt not in [one.prompt for one in of_kind("typos", found)]


def test_the_seed_moves_the_typing_errors_only() -> None:
    first, second = asked(seed=1), asked(seed=2)
    assert asked(seed=1) == first
    assert of_kind("typos", first) != of_kind("typos", second)
    assert of_kind("plain", first) == of_kind("plain", second)


@given(st.text(alphabet="abcdeo <|>u_.", max_size=60), st.integers(0, 99))
def test_a_misspelt_text_keeps_its_length_its_letters_and_its_markers(text: str, seed: int) -> None:
    prompt = f"<|user|> {text} <|assistant|>"
    found = misspelt(prompt, generator(seed, "typos"))
    assert len(found) == len(prompt)
    assert sorted(found) == sorted(prompt)
    assert re.findall(r"<\|\w+\|>", found) == re.findall(r"<\|\w+\|>", prompt)


@pytest.mark.parametrize("text", ["The captain slept", "A book", "Tell me", "all week the sail"])
def test_a_misspelt_text_really_changes(text: str) -> None:
    assert all(misspelt(text, generator(seed, "typos")) != text for seed in range(20))


def test_typing_errors_keep_the_first_letter_and_the_short_words() -> None:
    text = "the garden is wild and the captain has a wooden lantern"
    found = [misspelt(text, generator(seed, "typos")).split() for seed in range(50)]
    for one in found:
        for before, after in zip(text.split(), one, strict=True):
            assert before[0] == after[0]
            assert len(before) >= 4 or before == after
    changed = [sum(a != b for a, b in zip(text.split(), one, strict=True)) for one in found]
    assert min(changed) >= 1
    assert 5 * 0.3 < sum(changed) / len(changed) < 5 * 0.6


def test_nothing_to_ask_is_refused() -> None:
    with pytest.raises(ValueError, match="0 prompts at 3 temperatures give no sample"):
        questions([], HEATS, "text", every_pair=False, seed=1)
    with pytest.raises(ValueError, match="20 prompts at 0 temperatures give no sample"):
        questions(PROMPTS, [], "text", every_pair=True, seed=1)
