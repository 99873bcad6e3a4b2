"""A checkpoint names its activation; loading it as another one, or in another shape, is refused."""

import json
import re

import pytest
import torch
from safetensors.torch import save

from state.genome import parse
from trainer.checkpoint import (
    METADATA_KEY,
    Checkpoint,
    Description,
    decode,
    encode,
    read_description,
)
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.member import Member

LEARNED = "learned(0.5*silu(x) + 0.1*x)"
KINDS = ["universal", "blend", "spline", "rational", LEARNED]
FORMULAS = ["gelu", "silu", "relu", "swiglu", "0.8*silu(x) + 0.2*x", *KINDS, "glu(universal)"]


def checkpoint_of(setup: WorkerSetup, formula: str) -> Checkpoint:
    return Member.create(setup, parse(formula), 1).checkpoint()


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_checkpoint_carries_its_activation(setup: WorkerSetup, formula: str) -> None:
    data = encode(checkpoint_of(setup, formula))
    assert read_description(data).genome == parse(formula)
    back = decode(data, parse(formula), setup.model)
    member = Member.from_checkpoint(setup, back)
    assert encode(member.checkpoint()) == data


@pytest.mark.parametrize(
    ("stored", "asked", "names"),
    [
        ("swiglu", "gelu", "glu(silu(x)) (swiglu), not gelu(x); load it as swiglu"),
        ("gelu", "swiglu", "gelu(x), not glu(silu(x)) (swiglu); load it as gelu"),
        ("relu2", "relu", "relu(x)*relu(x) (relu2), not relu(x); load it as relu2"),
        ("universal", "silu", "universal(x), not silu(x); load it as universal"),
        ("spline", "glu(spline)", "spline(x), not glu(spline(x)); load it as spline"),
        (LEARNED, "0.5*silu(x) + 0.1*x", f"{LEARNED}, not 0.5*silu(x) + 0.1*x; load it as"),
    ],
)
def test_another_activation_is_refused_with_both_names(
    setup: WorkerSetup, stored: str, asked: str, names: str
) -> None:
    data = encode(checkpoint_of(setup, stored))
    with pytest.raises(ValueError, match=re.escape(f"trained with activation {names}")) as caught:
        decode(data, parse(asked), setup.model)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_names_no_activation_is_one_of_gelu(setup: WorkerSetup) -> None:
    checkpoint = checkpoint_of(setup, "gelu")
    text = json.dumps(checkpoint.description.model_dump(mode="json", exclude={"genome"}))
    tensors = {f"weights/{name}": tensor for name, tensor in checkpoint.weights.items()}
    data = save(tensors, {METADATA_KEY: text})
    assert "genome" not in json.loads(text)
    back = decode(data, parse("gelu"), setup.model)
    assert Member.from_checkpoint(setup, back).genome == parse("gelu")
    with pytest.raises(ValueError, match=r"activation gelu\(x\), not glu\(silu\(x\)\) \(swiglu\)"):
        decode(data, parse("swiglu"), setup.model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 64}, r"checkpoint has dim 32 .*, not 64"),
        ({"layers": 3}, r"checkpoint has layers 2 .*, not 3"),
        ({"ffn_width": 96}, r"checkpoint has ffn_width None .*, not 96"),
        ({"recipe": "classic"}, r"checkpoint has recipe modern .*, not classic"),
    ],
)
def test_another_shape_is_refused_with_both_numbers(
    setup: WorkerSetup, change: dict[str, object], message: str
) -> None:
    data = encode(checkpoint_of(setup, "universal"))
    with pytest.raises(ValueError, match=message):
        decode(data, parse("universal"), setup.model.model_copy(update=change))


@pytest.mark.parametrize("formula", ["gelu", "universal", "glu(blend)"])
def test_tensors_of_another_shape_are_refused_with_both_shapes(
    setup: WorkerSetup, formula: str
) -> None:
    checkpoint = checkpoint_of(setup, formula)
    name = "blocks.0.ffn.w_in.weight"
    width, dim = checkpoint.weights[name].shape
    weights = {**checkpoint.weights, name: torch.zeros(width + 8, dim)}
    with pytest.raises(
        ValueError, match=rf"{name} is float32 \({width + 8}, {dim}\), not"
    ) as caught:
        Member.from_checkpoint(setup, Checkpoint(checkpoint.description, weights))
    assert f"float32 ({width}, {dim})" in str(caught.value)


def test_coefficients_of_another_activation_are_refused_by_name(setup: WorkerSetup) -> None:
    checkpoint, other = checkpoint_of(setup, "universal"), checkpoint_of(setup, "blend")
    broken = Checkpoint(checkpoint.description, other.weights)
    with pytest.raises(ValueError, match=r"lacks or has too many tensors: blocks\.0\.ffn\.curves"):
        Member.from_checkpoint(setup, broken)


def test_a_gated_and_an_ungated_model_have_different_shapes() -> None:
    model = ModelConfig(dim=32, heads=2, layers=1, block=8, vocab_size=20)
    setup = WorkerSetup(run_folder="", model=model, optimizer=OptimizerConfig(batch=2))
    gated = Member.create(setup, parse("swiglu"), 1).checkpoint()
    description = Description(genome=parse("gelu"), model=model, seed=1)
    with pytest.raises(ValueError, match="lacks or has too many tensors"):
        Member.from_checkpoint(setup, Checkpoint(description, gated.weights))
