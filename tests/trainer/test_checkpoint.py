"""Checkpoints: what comes back, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from state.genome import parse
from state.objects import ObjectStore
from trainer.checkpoint import METADATA_KEY, Checkpoint, Description, decode, decode_any, encode
from trainer.config import ModelConfig, WorkerSetup
from trainer.member import Member

MODEL = ModelConfig(dim=16, heads=2, layers=1, block=8, vocab_size=20)


def described(**changes: object) -> bytes:
    """A file with one tensor and a description in which `changes` are made."""
    text = Description(genome=parse("silu"), model=MODEL, seed=1).model_dump(mode="json")
    return save({"weights/w": torch.ones(2)}, {METADATA_KEY: json.dumps({**text, **changes})})


def test_equal_members_give_equal_bytes(setup: WorkerSetup) -> None:
    first, second = (encode(Member.create(setup, parse("gelu"), 1).checkpoint()) for _ in "ab")
    assert first == second
    assert first != encode(Member.create(setup, parse("gelu"), 2).checkpoint())


def test_a_checkpoint_comes_back_as_it_was(setup: WorkerSetup) -> None:
    checkpoint = Member.create(setup, parse("swiglu"), 4).checkpoint()
    back = decode(encode(checkpoint), parse("swiglu"), setup.model)
    assert back.description == checkpoint.description
    assert back.weights.keys() == checkpoint.weights.keys()
    assert all(torch.equal(t, checkpoint.weights[name]) for name, t in back.weights.items())
    assert back.moments["momentum"].keys() == checkpoint.moments["momentum"].keys()


def test_another_activation_is_refused_with_both_names() -> None:
    with pytest.raises(ValueError, match=r"trained with activation silu\(x\), not relu\(x\)"):
        decode(described(), parse("relu"), MODEL)


def test_another_shape_is_refused_with_both_numbers() -> None:
    wider = MODEL.model_copy(update={"dim": 32, "size": "small"})
    with pytest.raises(ValueError, match=r"has dim 16 \(size tiny\), not 32 \(size small\)"):
        decode(described(), parse("silu"), wider)


def test_dropout_is_no_part_of_the_shape() -> None:
    decode(described(), parse("silu"), MODEL.model_copy(update={"dropout": 0.3}))


def test_a_checkpoint_that_names_no_activation_means_gelu() -> None:
    text = Description(model=MODEL, seed=1).model_dump(mode="json", exclude={"genome"})
    data = save({"weights/w": torch.ones(2)}, {METADATA_KEY: json.dumps(text)})
    assert decode(data, parse("gelu"), MODEL).description.genome == parse("gelu")


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match=f"version {version}, this program reads 1"):
        decode_any(described(schema_version=version))


@pytest.mark.parametrize("data", [b"", b"\x00" * 7, b"not a checkpoint at all", b"\xff" * 100])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a safetensors file"):
        decode_any(data)


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '{"model": 3}', '{"schema_version": 1}'])
def test_safetensors_of_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not describe a model of symbio-auto"):
        decode_any(save({"w": torch.ones(2)}, {METADATA_KEY: text}))
    with pytest.raises(ValueError, match="does not describe a model of symbio-auto"):
        decode_any(save({"w": torch.ones(2)}))


def test_weights_that_do_not_fit_their_description_are_refused(setup: WorkerSetup) -> None:
    checkpoint = Member.create(setup, parse("gelu"), 1).checkpoint()
    weights = dict(checkpoint.weights)
    weights.pop("embedding.weight")
    broken = encode(Checkpoint(checkpoint.description, weights))
    with pytest.raises(ValueError, match=r"lacks or has too many tensors: embedding\.weight"):
        Member.from_checkpoint(setup, decode(broken, parse("gelu"), setup.model))


def test_a_damaged_object_is_refused_by_the_store(setup: WorkerSetup, tmp_path: Path) -> None:
    objects, member = ObjectStore(tmp_path), Member.create(setup, parse("gelu"), 1)
    sha = member.save(objects)
    path = objects.path(sha)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="not the one in its name"):
        Member.restore(setup, objects, sha, parse("gelu"))
