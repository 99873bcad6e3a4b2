"""What transformers makes of an export: the model, what it writes, and its tokenizer."""

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from inference_battery.prompts import as_prompt
from tests.export_builders import (
    BLOCK,
    CUSTOM,
    STOCK,
    some_model,
    some_tokenizer,
    some_tokens,
    source_of,
)
from trainer.backbones.gpt import GPT
from trainer.config import TokenizerKind
from trainer.export import difference, huggingface_files
from trainer.tokenizer import CONTROL_MARKERS, Tokenizer, load_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore")
CASES = (*STOCK, *CUSTOM)
NAMES = [f"{recipe} {formula}" for recipe, formula, _ in CASES]
KINDS: tuple[TokenizerKind, ...] = ("byte", "char", "bpe")
TEXT = "The sea was calm, “she said”, déjà vu; a boat\nwent out. " * 20
HOSTILE = [*CONTROL_MARKERS, "<|", "|>", "<0x80>", "Ġ", "ĊĠ", "\x00", "\x1b[2J", "\u200d", "é", "“"]
HOSTILE += ["\U0001f469\u200d\U0001f680", "e\u0301", "\u4e2d", " 's", "  ", "\r\n", "\t"]
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=8).map("".join)


class Loaded(NamedTuple):
    ours: GPT
    theirs: Any


class Pair(NamedTuple):
    ours: Tokenizer
    theirs: Any


@pytest.fixture(scope="module")
def auto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """transformers, offline and with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        transformers: Any = import_module("transformers")
        dynamic_module_utils = import_module("transformers.dynamic_module_utils")
        patch.setattr(
            dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules"))
        )
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        yield transformers


@pytest.fixture(scope="module")
def loaded(auto: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Loaded]:  # noqa: ANN401
    """Every case, exported and loaded."""
    return [load(auto, case, tmp_path_factory.mktemp("folder")) for case in CASES]


@pytest.fixture(scope="module")
def tokenizers(auto: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:  # noqa: ANN401
    """Each kind, ours and as transformers loads it from an export."""
    found: dict[str, Pair] = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        content = some_tokenizer(kind, TEXT)
        (folder / "ours.json").write_bytes(content)
        ours = load_tokenizer(folder / "ours.json")
        model = some_model("modern", "gelu", vocab_size=ours.vocab_size)
        write(huggingface_files(source_of(model, content, "chat")), folder)
        found[kind] = Pair(ours, auto.AutoTokenizer.from_pretrained(folder))
    return found


def load(auto: Any, case: tuple[str, str, bool], folder: Path) -> Loaded:  # noqa: ANN401
    recipe, formula, tied = case
    ours = some_model(recipe, formula, tied=tied)
    write(huggingface_files(source_of(ours)), folder)
    needs_code = case in CUSTOM
    theirs = auto.AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=needs_code)
    # So that nothing ends a text: lengths are compared.
    theirs.generation_config.eos_token_id = None
    theirs.generation_config.suppress_tokens = None
    return Loaded(ours, theirs)


def write(files: dict[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)


def likeliest(model: GPT, tokens: Tensor, num_tokens: int) -> Tensor:
    """What the model goes on with, read anew for every token."""
    for _ in range(num_tokens):
        with torch.no_grad():
            tokens = torch.cat([tokens, model(tokens)[:, -1:].argmax(dim=-1)], dim=1)
    return tokens


@pytest.mark.parametrize("number", range(len(CASES)), ids=NAMES.__getitem__)
def test_from_pretrained_gives_our_logits_and_our_loss(loaded: list[Loaded], number: int) -> None:
    ours, theirs = loaded[number]
    tokens = some_tokens()
    with torch.no_grad():
        expected, answer = ours(tokens), theirs(tokens, labels=tokens)
    assert difference(expected, answer.logits).relative < 1e-5
    loss = F.cross_entropy(expected[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    assert float(answer.loss) == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("number", range(len(CASES)), ids=NAMES.__getitem__)
def test_generate_writes_what_we_would_with_and_without_a_cache(
    loaded: list[Loaded], number: int
) -> None:
    ours, theirs = loaded[number]
    tokens = some_tokens()[:2, :6]
    expected = likeliest(ours, tokens, BLOCK - 6)
    for use_cache in (True, False):
        written = theirs.generate(
            tokens, max_new_tokens=BLOCK - 6, do_sample=False, use_cache=use_cache
        )
        assert torch.equal(written, expected)


@pytest.mark.parametrize("number", range(len(CASES)), ids=NAMES.__getitem__)
def test_a_padded_sequence_is_written_on_as_if_it_were_alone(
    loaded: list[Loaded], number: int
) -> None:
    ours, theirs = loaded[number]
    long, short = some_tokens()[:1, :8], some_tokens()[1:2, :5]
    batch = torch.cat([long, F.pad(short, (3, 0))])
    mask = torch.tensor([[1] * 8, [0] * 3 + [1] * 5])
    written = theirs.generate(batch, attention_mask=mask, max_new_tokens=6, do_sample=False)
    assert torch.equal(written[:1], likeliest(ours, long, 6))
    assert torch.equal(written[1:, 3:], likeliest(ours, short, 6))


def test_padding_on_either_side_leaves_the_logits_as_they_are(loaded: list[Loaded]) -> None:
    for ours, theirs in loaded[len(STOCK) :]:
        tokens = some_tokens()[:1, :7]
        for padding in ((4, 0), (0, 4)):
            mask = F.pad(torch.ones_like(tokens), padding)
            with torch.no_grad():
                answer = theirs(F.pad(tokens, padding), attention_mask=mask).logits
                expected = ours(tokens)
            kept = answer[:, padding[0] : padding[0] + 7]
            torch.testing.assert_close(kept, expected, rtol=1e-4, atol=1e-5)


def test_beyond_its_positions_the_classic_recipe_stops_and_the_modern_one_goes_on(
    loaded: list[Loaded],
) -> None:
    for (recipe, _, _), (_, theirs) in zip(CUSTOM, loaded[len(STOCK) :], strict=True):
        if recipe == "modern":
            written = theirs.generate(some_tokens()[:1], max_new_tokens=3, do_sample=False)
            assert written.shape == (1, BLOCK + 3)
        else:
            with pytest.raises(ValueError, match=f"do not fit a context of {BLOCK}; cut"):
                theirs.generate(some_tokens()[:1], max_new_tokens=3, do_sample=False)


def test_a_saved_model_is_loaded_again_with_its_code(
    auto: Any,  # noqa: ANN401
    loaded: list[Loaded],
    tmp_path: Path,
) -> None:
    _, theirs = loaded[-1]
    theirs.save_pretrained(tmp_path)
    again = auto.AutoModelForCausalLM.from_pretrained(tmp_path, trust_remote_code=True)
    tokens = some_tokens()
    with torch.no_grad():
        assert torch.equal(again(tokens).logits, theirs(tokens).logits)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(text=texts)
def test_any_text_becomes_our_tokens_and_comes_back(
    tokenizers: dict[str, Pair], kind: str, text: str
) -> None:
    ours, theirs = tokenizers[kind]
    ids = theirs(text)["input_ids"]
    assert ids == ours.encode(text).tolist()
    assert theirs.decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_tokens_become_our_text(
    tokenizers: dict[str, Pair], kind: str, data: st.DataObject
) -> None:
    """Also where the bytes are no characters."""
    ours, theirs = tokenizers[kind]
    ids = data.draw(st.lists(st.integers(0, ours.vocab_size - 1), max_size=8))
    assert theirs.decode(ids) == ours.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_becomes_our_tokens(tokenizers: dict[str, Pair], kind: str) -> None:
    ours, theirs = tokenizers[kind]
    assert theirs(TEXT)["input_ids"] == ours.encode(TEXT).tolist()
    assert len(theirs) == ours.vocab_size
    assert theirs.eos_token_id == theirs.bos_token_id == ours.end_of_text_id
    assert theirs.pad_token_id == ours.control_ids["pad"]


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30).filter(lambda text: "<|" not in text))
def test_the_chat_template_asks_as_this_program_does(
    tokenizers: dict[str, Pair], text: str
) -> None:
    turn = [{"role": "user", "content": text}]
    asked = tokenizers["byte"].theirs.apply_chat_template(
        turn, tokenize=False, add_generation_prompt=True
    )
    assert asked == as_prompt(text, "chat")


def test_the_chat_template_keeps_what_was_said_and_ends_an_answer(
    tokenizers: dict[str, Pair],
) -> None:
    theirs = tokenizers["byte"].theirs
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Yes?"},
        {"role": "assistant", "content": "No."},
    ]
    closed = theirs.apply_chat_template(talk, tokenize=False)
    assert closed == "<|system|> Be kind. <|user|> Yes? <|assistant|> No. <|end_of_text|>"
    talk.append({"role": "user", "content": "Why?"})
    asked = theirs.apply_chat_template(talk[1:], tokenize=False, add_generation_prompt=True)
    assert asked == "<|user|> Yes? <|assistant|> No.\n<|user|> Why? <|assistant|>"
    with pytest.raises(Exception, match="system, user and assistant alone"):
        theirs.apply_chat_template([{"role": "tool", "content": ""}], tokenize=False)


def test_a_text_model_has_no_chat_template_and_ends_at_end_of_text_alone() -> None:
    model = some_model("modern", "gelu")
    for domain, ends in (("text", 6), ("chat", [6, 4])):
        files = huggingface_files(source_of(model, None, domain))  # type: ignore[arg-type]
        assert ("chat_template" in json.loads(files["tokenizer_config.json"])) == (domain == "chat")
        assert json.loads(files["generation_config.json"])["eos_token_id"] == ends


def test_the_tests_are_offline(auto: Any) -> None:  # noqa: ANN401
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert int(auto.__version__.split(".")[0]) >= 5
