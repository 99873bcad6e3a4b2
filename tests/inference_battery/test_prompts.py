"""Where openings come from."""

import pytest

from inference_battery.prompts import (
    MAX_ANSWER,
    Domain,
    Exchange,
    as_prompt,
    choose_prompts,
    exchanges,
    own_prompts,
    read_prompts,
)
from tests.inference_battery.corpora import corpus

CHAT = [f"<|user|> Question {i}? <|assistant|> Answer. <|end_of_text|>" for i in range(50)]
TEXT = ["\n\n".join(f"Paragraph {i} " + "word " * 40 for i in range(50))]


def test_a_chat_prompt_ends_at_the_assistant_marker() -> None:
    prompts = choose_prompts(CHAT, "chat", 20, 1)
    assert len(set(prompts)) == 20
    assert all(p.startswith("<|user|> Question") and p.endswith("? <|assistant|>") for p in prompts)


def test_a_chat_answer_is_the_first_turn_up_to_the_next_marker() -> None:
    dialogue = "<|system|> Be kind. <|user|> One? <|assistant|> Two. <|user|> Three? <|assistant|>"
    assert exchanges([dialogue], "chat", 5, 1) == (Exchange("<|user|> One? <|assistant|>", "Two."),)


def test_long_turns_are_left_out() -> None:
    long = "<|user|> " + "very " * 100 + "long? <|assistant|> Yes."
    assert exchanges([long], "chat", 5, 1) == ()
    assert choose_prompts([long], "chat", 5, 1) == own_prompts("chat")[:5]


def test_a_dialogue_without_an_answer_marker_is_left_out() -> None:
    assert exchanges(["<|user|> One?", "no markers"], "chat", 5, 1) == ()


def test_a_text_prompt_is_the_beginning_of_a_paragraph() -> None:
    prompts = choose_prompts(TEXT, "text", 20, 1)
    assert all(prompt.startswith("Paragraph") for prompt in prompts)
    assert {len(prompt.split()) for prompt in prompts} <= set(range(8, 13))
    assert len({len(prompt.split()) for prompt in prompts}) > 1


def test_a_text_answer_is_what_follows_the_opening() -> None:
    (document,) = corpus("text")[1]
    found = exchanges([document], "text", 60, 1)
    assert len(found) == 60
    joined = " ".join(document.split())
    for one in found:
        assert " ".join(f"{one.prompt} {one.answer}".split()) in joined
        assert len(one.answer) <= MAX_ANSWER


def test_a_long_answer_is_cut() -> None:
    document = "word " * 2000
    assert [len(one.answer) for one in exchanges([document], "text", 1, 1)] == [MAX_ANSWER - 1]


@pytest.mark.parametrize(
    "document", ["CHAPTER I\n\nBy Somebody", "", "one two three four five six seven eight nine"]
)
def test_headings_and_short_paragraphs_are_no_prompts(document: str) -> None:
    assert exchanges([document], "text", 5, 1) == ()


def test_an_opening_that_comes_twice_is_taken_once_with_its_first_answer() -> None:
    two = [f"<|user|> Who? <|assistant|> {name}. <|end_of_text|>" for name in ("Ada", "Ben")]
    assert exchanges(two, "chat", 5, 1) == (Exchange("<|user|> Who? <|assistant|>", "Ada."),)


@pytest.mark.parametrize("domain", ["chat", "text"])
def test_our_own_prompts_fill_the_gap(domain: Domain) -> None:
    assert choose_prompts([], domain, 20, 1) == own_prompts(domain)
    assert len(choose_prompts(["nothing here"], domain, 100, 1)) == 20
    some = {"chat": CHAT[:3], "text": [TEXT[0][:700]]}[domain]
    found = choose_prompts(some, domain, 20, 1)
    num_found = sum(prompt not in own_prompts(domain) for prompt in found)
    assert num_found == len(exchanges(some, domain, 20, 1)) == 3
    assert found[3:] == own_prompts(domain)[:17]


def test_our_own_prompts_are_twenty_different_openings_of_the_domain() -> None:
    assert len(set(own_prompts("text"))) == len(set(own_prompts("chat"))) == 20
    assert all(
        p.startswith("<|user|> ") and p.endswith(" <|assistant|>") for p in own_prompts("chat")
    )
    assert {len(prompt.split()) for prompt in own_prompts("text")} <= set(range(8, 13))


def test_the_choice_depends_on_the_seed_only() -> None:
    assert choose_prompts(CHAT, "chat", 10, 1) == choose_prompts(CHAT, "chat", 10, 1)
    assert choose_prompts(CHAT, "chat", 10, 1) != choose_prompts(CHAT, "chat", 10, 2)
    assert choose_prompts(CHAT + CHAT, "chat", 10, 1) == choose_prompts(CHAT, "chat", 10, 1)


def test_a_chat_model_is_asked_as_a_user_would_ask_it() -> None:
    assert as_prompt("Who are you?", "chat") == "<|user|> Who are you? <|assistant|>"
    assert as_prompt("<|user|> Hi <|assistant|>", "chat") == "<|user|> Hi <|assistant|>"
    assert as_prompt("It was late", "text") == "It was late"


def test_a_file_of_prompts_holds_one_a_line() -> None:
    content = "  Who are you?\n\n \nWhere is it? \r\nWho are you?\n"
    assert read_prompts(content, "text") == ("Who are you?", "Where is it?")
    assert read_prompts(content, "chat") == (
        "<|user|> Who are you? <|assistant|>",
        "<|user|> Where is it? <|assistant|>",
    )


@pytest.mark.parametrize("content", ["", " \n\n\t\n"])
def test_a_file_without_a_prompt_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match="holds no prompt; write one a line"):
        read_prompts(content, "chat")
