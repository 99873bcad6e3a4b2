"""A new model begins with another's weights and with nothing else of it."""

import json
from pathlib import Path

import pytest
import torch

from state.genome import parse
from state.objects import ObjectStore
from state.records import Genome
from trainer.checkpoint import decode, encode
from trainer.config import ModelConfig, WorkerSetup
from trainer.data import Dataset
from trainer.export import export_torch
from trainer.initial_weights import Exported, initial_checkpoint
from trainer.member import Batch, Member, StepSettings

GELU, SWIGLU = parse("gelu"), parse("swiglu")


@pytest.fixture
def trained(setup: WorkerSetup) -> Member:
    """After one step, so that there are moments and counters."""
    member = Member.create(setup, GELU, seed=3)
    tokens = torch.arange(2 * 16).view(2, 16) % setup.model.vocab_size
    member.train_step(_batch(tokens), StepSettings())
    return member


def _batch(tokens: torch.Tensor) -> Batch:
    return Batch(tokens, tokens.roll(-1, dims=1))


def exported(member: Member, dataset: Dataset, folder: Path) -> Exported:
    store = ObjectStore(folder / "objects")
    store.folder.mkdir()
    sha = member.save(store)
    export_torch(store, sha, folder / "out", dataset.folder / "tokenizer.json")
    return Exported(
        (folder / "out" / "model.safetensors").read_bytes(),
        (folder / "out" / "config.json").read_bytes(),
    )


def test_weights_are_taken_and_moments_and_counters_left(trained: Member) -> None:
    model = trained.setup.model
    fresh = decode(initial_checkpoint(encode(trained.checkpoint()), GELU, model, 9), GELU, model)
    assert fresh.description.counters.steps == 0
    assert fresh.description.seed == 9
    assert not any(fresh.moments.values())
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(fresh.weights[name], tensor), name


def test_an_export_gives_the_bytes_of_the_checkpoint_that_it_was_made_of(
    trained: Member, dataset: Dataset, tmp_path: Path
) -> None:
    model = trained.setup.model
    of_export = initial_checkpoint(exported(trained, dataset, tmp_path), GELU, model, 1)
    assert of_export == initial_checkpoint(encode(trained.checkpoint()), GELU, model, 1)


def changed(export: Exported, **fields: object) -> Exported:
    table = {**json.loads(export.configuration), **fields}
    kept = {name: value for name, value in table.items() if value is not None}
    return export._replace(configuration=json.dumps(kept).encode())


def test_an_export_that_names_no_activation_was_trained_with_gelu(
    trained: Member, dataset: Dataset, tmp_path: Path
) -> None:
    export, model = exported(trained, dataset, tmp_path), trained.setup.model
    nameless = changed(export, activation=None, activation_tree=None)
    assert initial_checkpoint(nameless, GELU, model, 1)
    with pytest.raises(ValueError, match=r"activation gelu\(x\), not glu\(silu\(x\)\)"):
        initial_checkpoint(nameless, SWIGLU, model, 1)


@pytest.mark.parametrize("as_export", [False, True])
@pytest.mark.parametrize(
    ("genome", "shape", "message"),
    [
        (SWIGLU, {}, r"activation gelu\(x\), not glu\(silu\(x\)\)"),
        (GELU, {"dim": 64}, r"has dim 32.*, not 64"),
        (GELU, {"layers": 3}, r"has layers 2.*, not 3"),
        (GELU, {"recipe": "classic"}, r"has recipe modern.*, not classic"),
    ],
)
def test_another_activation_or_shape_is_refused_with_both(
    trained: Member,
    dataset: Dataset,
    tmp_path: Path,
    as_export: bool,
    genome: Genome,
    shape: dict[str, object],
    message: str,
) -> None:
    model = ModelConfig.model_validate({**trained.setup.model.model_dump(), **shape})
    data = encode(trained.checkpoint())
    source = exported(trained, dataset, tmp_path) if as_export else data
    with pytest.raises(ValueError, match=message):
        initial_checkpoint(source, genome, model, 1)


@pytest.mark.parametrize(
    ("weights", "configuration"), [(b"", b"{}"), (b"12345678{}", b"{}"), (b"", b"["), (b"", b"[]")]
)
def test_files_that_are_no_export_are_refused_in_one_line(
    setup: WorkerSetup, weights: bytes, configuration: bytes
) -> None:
    with pytest.raises(ValueError, match=r"export") as caught:
        initial_checkpoint(Exported(weights, configuration), GELU, setup.model, 1)
    assert "\n" not in str(caught.value)


def test_a_snapshot_inside_a_task_is_no_model_to_begin_with(trained: Member) -> None:
    data = encode(trained.checkpoint(unfinished_task="a" * 64))
    with pytest.raises(ValueError, match="unfinished task"):
        initial_checkpoint(data, GELU, trained.setup.model, 1)
