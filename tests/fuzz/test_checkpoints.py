"""Bytes under the name that fits them are a member of this shape or are refused with one line."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import JsonValue
from safetensors.torch import load, save
from torch import Tensor

from orchestrator.commits import Saved
from orchestrator.resolve import worker_setup
from state.objects import ObjectStore
from state.run_folder import RunFolder
from state.sealed import Document, seal, unseal
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import altered, damaged, json_values
from tests.fuzz.program import Verdict, call, verdict
from trainer.checkpoint import METADATA_KEY, decode, decode_any
from trainer.config import WorkerSetup
from trainer.member import Member

TYPES = ("F4", "F6_E2M3", "F8_E4M3", "F8_E5M2", "F8_E8M0", "U16", "U32", "U64", "C64", "BOOL")
DTYPES = (torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool, torch.bfloat16)


@pytest.fixture
def document(run: Path) -> Document:
    """What state.json says, its seal removed."""
    return unseal((run / "state.json").read_bytes())


@pytest.fixture
def saved(document: Document) -> Saved:
    return Saved.model_validate(document["state"])


@pytest.fixture
def setup(run: Path, saved: Saved) -> WorkerSetup:
    return worker_setup(saved.config, RunFolder(run))


@pytest.fixture
def original(run: Path, saved: Saved) -> bytes:
    """The winner's file."""
    assert saved.run.winner is not None
    return ObjectStore(run / "objects").read(saved.run.winner.checkpoint)


def with_header(data: bytes, header: JsonValue) -> bytes:
    """The tensors of a file under another header, its length told truly."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + header_length(data) :]


def header_length(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def header_of(data: bytes) -> dict[str, JsonValue]:
    header: dict[str, JsonValue] = json.loads(data[8 : 8 + header_length(data)])
    return header


def described(data: bytes, description: JsonValue) -> bytes:
    """The file with another description."""
    metadata: JsonValue = {METADATA_KEY: json.dumps(description)}
    return with_header(data, {**header_of(data), "__metadata__": metadata})


@st.composite
def other_tensors(draw: DrawFn, original: bytes) -> bytes:
    """A whole file in which some tensors have another name, shape or type, or are gone."""
    tensors = load(original)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(tensors)))
        tensor = tensors.pop(name)
        match draw(st.sampled_from(("gone", "renamed", "flat", "cast", "wider", "moved"))):
            case "renamed":
                tensors[draw(st.text(max_size=9))] = tensor
            case "flat":
                tensors[name] = tensor.reshape(-1)
            case "cast":
                tensors[name] = tensor.to(draw(st.sampled_from(DTYPES)))
            case "wider":
                tensors[name] = torch.cat([tensor.reshape(-1)] * 2)
            case "moved":
                tensors[_moved(draw, name)] = tensor
            case _:
                continue
    return save(tensors, {METADATA_KEY: str(described_as(original))})


def described_as(data: bytes) -> JsonValue:
    metadata = header_of(data)["__metadata__"]
    assert isinstance(metadata, dict)
    return metadata[METADATA_KEY]


def _moved(draw: DrawFn, name: str) -> str:
    kinds = ("weights", "momentum", "step", "exp_avg", "exp_avg_sq", "", "else")
    return f"{draw(st.sampled_from(kinds))}/{name.partition('/')[2]}"


def files(original: bytes) -> SearchStrategy[bytes]:
    """Damaged anywhere, in the header, in the description, in the tensors; lengths that lie."""
    description = json.loads(str(described_as(original)))
    lengths = st.sampled_from((0, 1, 7, 2**31, 2**63, 2**64 - 1)) | st.integers(0, 2**40)
    return st.one_of(
        damaged(original),
        st.binary(max_size=64),
        lengths.map(lambda length: length.to_bytes(8, "little") + original[8:]),
        altered(header_of(original)).map(lambda header: with_header(original, header)),
        altered(description).map(lambda value: described(original, value)),
        json_values().map(lambda value: described(original, value)),
        other_tensors(original),
        st.sampled_from(TYPES).map(lambda name: with_type(original, name)),
    )


def with_type(data: bytes, dtype: str) -> bytes:
    """Tensors of no elements, of a type that safetensors knows and torch may not."""
    empty: JsonValue = {"dtype": dtype, "shape": [0], "data_offsets": [0, 0]}
    metadata = header_of(data)["__metadata__"]
    return with_header(
        data[: 8 + header_length(data)], {"__metadata__": metadata, "weights/a": empty}
    )


def test_any_bytes_are_a_member_or_refused(
    fuzz: Fuzz, setup: WorkerSetup, saved: Saved, original: bytes
) -> None:
    winner = saved.run.winner
    assert winner is not None

    def check(data: bytes) -> Verdict:
        try:
            member = Member.from_checkpoint(setup, decode(data, winner.genome, setup.model))
        except ValueError:
            return "refused"
        weights: dict[str, Tensor] = member.model.state_dict()
        assert weights.keys() == decode_any(original).weights.keys()
        return "accepted"

    fuzz(files(original), check, share=0.8)


def test_a_planted_checkpoint_is_used_or_refused(
    fuzz: Fuzz, sandbox: Path, run: Path, document: Document, saved: Saved, original: bytes
) -> None:
    winner = saved.run.winner
    assert winner is not None
    text, objects = json.dumps(document), ObjectStore(run / "objects")

    def check(case: tuple[tuple[str, ...], bytes]) -> Verdict:
        command, data = case
        sha = objects.publish(data)
        planted: Document = json.loads(text.replace(winner.checkpoint, sha))
        assert isinstance(planted["objects"], dict)
        planted["objects"][sha] = len(data)
        (run / "state.json").write_bytes(seal(planted))
        found = verdict(call(*command))
        if data != original:
            objects.path(sha).unlink()
        shutil.rmtree(sandbox / "out", ignore_errors=True)
        return found

    commands = st.sampled_from((("export", "run", "--to", "out"), ("sample", "run", "--tokens=2")))
    fuzz(st.tuples(commands, files(original)), check, share=0.2)
