"""Where transformers has a class that computes the same, the export is that class."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from state.genome import parse
from tests.export_builders import CUSTOM, STOCK, some_model, some_tokenizer, some_tokens, source_of
from trainer.config import TokenizerKind
from trainer.export import difference, huggingface_class, huggingface_files, torch_files
from trainer.export.activation import known_activation
from trainer.export.comparison import TOLERANCE, encoder_of, reader_of
from trainer.export.source import Source

CLASSES = {"classic": "GPT2LMHeadModel", "modern": "NanoChatForCausalLM"}


def written(source: Source, folder: Path) -> Path:
    for name, data in huggingface_files(source).items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(("recipe", "formula", "tied"), STOCK)
def test_a_named_ungated_activation_becomes_a_class_of_transformers(
    tmp_path: Path, recipe: str, formula: str, tied: bool
) -> None:
    model = some_model(recipe, formula, tied=tied)
    source, tokens = source_of(model), some_tokens()
    assert huggingface_class(source) == CLASSES[recipe]
    folder = written(source, tmp_path)
    assert not list(folder.glob("*.py"))
    with torch.no_grad():
        found = difference(model(tokens), reader_of(folder)(tokens))
    assert 0 < found.relative < 1e-5
    assert found.tokens == tokens.numel()


@pytest.mark.parametrize(("recipe", "formula", "tied"), CUSTOM)
def test_any_other_activation_brings_its_own_code_and_gives_our_logits(
    tmp_path: Path, recipe: str, formula: str, tied: bool
) -> None:
    model = some_model(recipe, formula, tied=tied)
    source, tokens = source_of(model), some_tokens()
    assert huggingface_class(source) == "SymbioForCausalLM"
    folder = written(source, tmp_path)
    with torch.no_grad():
        found = difference(model(tokens), reader_of(folder)(tokens))
    assert found.relative < 1e-5
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize(
    ("formula", "known"),
    [
        ("gelu", ("gelu", 1.0)),
        ("leaky_relu", ("leaky_relu", 1.0)),
        ("relu(x)^2", ("relu2", 1.0)),
        ("-0.3*tanh(x)", ("tanh", -0.3)),
        ("x", ("linear", 1.0)),
        ("sin", None),
        ("x*x", None),
        ("silu(x) + x", None),
        ("swiglu", None),
        ("rational", None),
    ],
)
def test_an_activation_is_known_by_name_or_not_at_all(
    formula: str, known: tuple[str, float] | None
) -> None:
    assert known_activation(parse(formula)) == known


@pytest.mark.parametrize("spoilt", ["weight", "names", "activation"])
@pytest.mark.parametrize("recipe", ["classic", "modern"])
def test_a_slip_in_the_written_model_shows(tmp_path: Path, recipe: str, spoilt: str) -> None:
    """The reader follows transformers: it sees what transformers would see."""
    model, tokens = some_model(recipe, "gelu"), some_tokens()
    folder = written(source_of(model), tmp_path)
    weights = load_file(folder / "model.safetensors")
    square = [name for name, value in weights.items() if value.shape == (16, 16)]
    if spoilt == "weight":
        weights[square[0]] = weights[square[0]].flip(0).contiguous()
    if spoilt == "names":
        weights[square[0]], weights[square[1]] = weights[square[1]], weights[square[0]]
    save_file(weights, folder / "model.safetensors")
    if spoilt == "activation":
        config = (folder / "config.json").read_text(encoding="utf-8")
        (folder / "config.json").write_text(config.replace('"gelu"', '"silu"'), encoding="utf-8")
    with torch.no_grad():
        found = difference(model(tokens), reader_of(folder)(tokens))
    assert found.relative > 10 * TOLERANCE
    assert not found.is_small


def test_logits_that_are_no_numbers_are_not_small_differences() -> None:
    logits = torch.ones(1, 2, 3)
    assert difference(logits, logits).is_small
    assert not difference(logits, logits * torch.nan).is_small


@pytest.mark.parametrize("kind", ["byte", "char", "bpe"])
def test_equal_checkpoints_give_equal_bytes_for_transformers(kind: TokenizerKind) -> None:
    tokenizer = some_tokenizer(kind, "the sea “was” calm")
    first, second = (
        huggingface_files(source_of(some_model("modern", "gelu"), tokenizer)) for _ in range(2)
    )
    assert first == second
    assert first.keys() == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_both_forms_of_an_export_encode_alike(tmp_path: Path) -> None:
    source = source_of(some_model("modern", "swiglu"), some_tokenizer("char", "déjà vu"), "chat")
    (tmp_path / "hf").mkdir()
    (tmp_path / "torch").mkdir()
    for name, data in torch_files(source).items():
        (tmp_path / "torch" / name).write_bytes(data)
    text = "<|user|> déjà vu \U0001f600 <|pad|><|nobody|>"
    ids = encoder_of(tmp_path / "torch")(text)
    assert ids == encoder_of(written(source, tmp_path / "hf"))(text)
    assert ids[0] == 4
