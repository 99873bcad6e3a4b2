"""Where openings come from."""

import pytest

from inference_battery.prompts import Domain, choose_prompts

CHAT = [f"<|user|> Question {i}? <|assistant|> Answer. <|end_of_text|>" for i in range(50)]
TEXT = ["\n\n".join(f"Paragraph {i} " + "word " * 40 for i in range(50))]


def test_a_chat_prompt_ends_at_the_assistant_marker() -> None:
    prompts = choose_prompts(CHAT, "chat", 20, 1)
    assert len(set(prompts)) == 20
    assert all(p.startswith("<|user|> Question") and p.endswith("? <|assistant|>") for p in prompts)


def test_only_the_first_turn_of_a_dialogue_is_asked() -> None:
    dialogue = "<|system|> Be kind. <|user|> One? <|assistant|> Two. <|user|> Three? <|assistant|>"
    assert "<|user|> One? <|assistant|>" in choose_prompts([dialogue], "chat", 1, 1)


def test_long_turns_are_left_out() -> None:
    long = "<|user|> " + "very " * 100 + "long? <|assistant|> Yes."
    assert all("very" not in prompt for prompt in choose_prompts([long], "chat", 5, 1))


def test_a_text_prompt_is_the_beginning_of_a_paragraph() -> None:
    prompts = choose_prompts(TEXT, "text", 20, 1)
    assert all(prompt.startswith("Paragraph") for prompt in prompts)
    assert {len(prompt.split()) for prompt in prompts} <= set(range(8, 13))
    assert len({len(prompt.split()) for prompt in prompts}) > 1


def test_headings_are_no_prompts() -> None:
    prompts = choose_prompts(["CHAPTER I\n\nBy Somebody"], "text", 5, 1)
    assert not any("CHAPTER" in prompt for prompt in prompts)


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_built_in_prompts_fill_the_gap(domain: Domain) -> None:
    assert len(set(choose_prompts([], domain, 20, 1))) == 20
    assert len(choose_prompts(["nothing here"], domain, 100, 1)) == 20


def test_the_choice_depends_on_the_seed_only() -> None:
    assert choose_prompts(CHAT, "chat", 10, 1) == choose_prompts(CHAT, "chat", 10, 1)
    assert choose_prompts(CHAT, "chat", 10, 1) != choose_prompts(CHAT, "chat", 10, 2)
    assert choose_prompts(CHAT + CHAT, "chat", 10, 1) == choose_prompts(CHAT, "chat", 10, 1)
