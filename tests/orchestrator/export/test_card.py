"""The model card."""

import ast

import pytest
import yaml

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.compare.pairing import Loss
from orchestrator.export.card import Format, card
from orchestrator.export.facts import Facts, Reference
from state.genome import parse
from trainer.config import ModelConfig

INTERVAL = Interval(mean=1.75, low=1.7, high=1.8)


def facts(**other: object) -> Facts:
    given = {
        "run_id": "night-1",
        "seed": 3,
        "steps": 2000,
        "genome": parse("swiglu"),
        "model": ModelConfig(),
        "parameters": 262_144,
        "tokenizer": "bpe",
        "domain": "text",
        "data_names": ("book.txt",),
        "data_bytes": 543_152,
        "data_sha256": "ab" * 32,
        "split": "test",
        "loss": Loss(bits_per_byte=1.75, interval=INTERVAL),
        "references": (Reference(name="order-2 byte model", bits_per_byte=2.6769),),
        "test_openings": 1,
        "checkpoint": "cd" * 32,
    }
    return Facts.model_validate(given | other)


def test_the_card_says_how_good_the_model_is_and_how_sure_that_is() -> None:
    text = card(facts(), "hf", "SymbioForCausalLM", drawn=True)
    assert "**1.7500 bits per byte** on the test split (95 % interval 1.7000 to 1.8000" in text
    assert "| order-2 byte model | 2.6769 |" in text
    assert "No decision of the run saw this text." in text
    assert "![the curve of the activation](activation.png)" in text


def test_a_figure_that_flatters_is_called_so() -> None:
    going_on = card(facts(split="search", references=()), "hf", "GPT2LMHeadModel", drawn=False)
    assert "on the search split" in going_on
    assert "the figure flatters it: the run was going on." in going_on
    assert "activation.png" not in going_on
    no_test = card(facts(split="search"), "hf", "GPT2LMHeadModel", drawn=False)
    assert "no text was held out for a test" in no_test
    short = facts(loss=Loss(bits_per_byte=1.75, interval=None), test_openings=2)
    text = card(short, "hf", "GPT2LMHeadModel", drawn=False)
    assert "too short for an interval" in text
    assert "was read 2 times" in text


@pytest.mark.parametrize("model_class", ["GPT2LMHeadModel", "SymbioForCausalLM"])
@pytest.mark.parametrize("domain", ["text", "chat"])
def test_the_program_in_the_card_is_a_program(model_class: str, domain: str) -> None:
    forms: tuple[Format, ...] = ("hf", "torch")
    for form in forms:
        text = card(facts(domain=domain), form, model_class, drawn=True)
        program = text.split("```python\n")[1].split("```")[0]
        assert len(ast.parse(program).body) >= 5
        assert ("trust_remote_code=True" in program) == (
            form == "hf" and model_class == "SymbioForCausalLM"
        )
        assert ("apply_chat_template" in program) == (form == "hf" and domain == "chat")


def test_the_front_matter_is_for_a_hub_and_names_no_licence() -> None:
    text = card(facts(domain="chat"), "hf", "SymbioForCausalLM", drawn=True)
    head = yaml.safe_load(text.split("---\n")[1])
    assert head == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["symbio-auto", "custom_code", "conversational"],
    }
    assert "None is given here." in text
    assert not card(facts(), "torch", "model.py", drawn=True).startswith("---")


def test_names_from_outside_are_shown_and_not_obeyed() -> None:
    hostile = "<script>`|\n# a\u202eb.txt"
    text = card(
        facts(data_names=(hostile,), run_id="[x](javascript:0) <b>"), "hf", "GPT2", drawn=True
    )
    assert "``<script>`| # ab.txt``" in text
    assert r"# \[x\](javascript:0) \<b\>" in text
    assert "\n# a" not in text
