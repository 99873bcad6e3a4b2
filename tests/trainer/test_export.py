"""The exported folder runs by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from state.genome import parse
from state.objects import ObjectStore
from state.run_folder import RunFolder
from trainer.config import WorkerSetup
from trainer.export import export_torch
from trainer.member import Member

FILES = ["config.json", "model.py", "model.safetensors", "tokenizer.json"]
PROGRAM = """
import sys, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
import model
from safetensors.torch import load_file, save_file
loaded = model.load(sys.argv[1])
tokens = load_file(sys.argv[2])["tokens"]
with torch.no_grad():
    logits = loaded(tokens)
more = loaded.generate(tokens[:, :3], 30, temperature=0.9, seed=4)
save_file({"logits": logits, "more": more}, sys.argv[3])
ours = [name for name in sys.modules if name.split(".")[0] in ("trainer", "state")]
assert not ours, ours
"""


def stored_member(setup: WorkerSetup, formula: str, objects: ObjectStore) -> tuple[Member, str]:
    member = Member.create(setup, parse(formula), 1)
    stream = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in member.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.1)
    return member, member.save(objects)


@pytest.mark.parametrize(
    ("recipe", "formula", "tied"),
    [
        ("modern", "glu(0.8*silu(x)*relu(x) + 0.2*sin(tanh(x)))", True),
        ("classic", "relu2", False),
        ("modern", "universal", True),
        ("modern", "glu(blend(x))", True),
        ("classic", "spline", True),
        ("modern", "rational", True),
        ("modern", "learned(0.8*silu(x)*relu(x) + 0.2*x)", True),
    ],
)
def test_the_exported_model_gives_our_logits_in_a_program_of_its_own(
    setup: WorkerSetup, run_folder: Path, tmp_path: Path, recipe: str, formula: str, tied: bool
) -> None:
    model = setup.model.model_copy(update={"recipe": recipe, "tied_head": tied})
    objects = ObjectStore(tmp_path / "objects")
    objects.folder.mkdir()
    member, sha = stored_member(setup.model_copy(update={"model": model}), formula, objects)
    folder, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    elsewhere.mkdir()
    export_torch(objects, sha, folder, RunFolder(run_folder).data / "tokenizer.json")
    tokens = torch.arange(2 * 16).view(2, 16) % model.vocab_size
    save_file({"tokens": tokens}, elsewhere / "in.safetensors")
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), "in.safetensors", "out.safetensors"],
        cwd=elsewhere,
        env={"OMP_NUM_THREADS": "1"},
        check=True,
    )
    out = load_file(elsewhere / "out.safetensors")
    assert torch.equal(out["logits"], member.model.eval()(tokens).detach())
    assert out["more"].shape == (2, 33)


def test_equal_checkpoints_are_exported_as_equal_bytes(
    setup: WorkerSetup, run_folder: Path, tmp_path: Path
) -> None:
    objects = ObjectStore(tmp_path)
    _, sha = stored_member(setup, "swiglu", objects)
    tokenizer = RunFolder(run_folder).data / "tokenizer.json"
    for name in "ab":
        export_torch(objects, sha, tmp_path / name, tokenizer)
    for file in FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES


def test_the_exported_configuration_names_the_activation(
    setup: WorkerSetup, run_folder: Path, tmp_path: Path
) -> None:
    objects = ObjectStore(tmp_path)
    _, sha = stored_member(setup, "swiglu", objects)
    export_torch(objects, sha, tmp_path / "model", RunFolder(run_folder).data / "tokenizer.json")
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["activation"] == "glu(silu(x))"
    assert config["activation_tree"] == ["leaf", "silu"]
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert all("/" not in name for name in weights)
