"""The exported folder runs by itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file

from state.objects import ObjectStore
from state.run_folder import RunFolder
from tests.export_builders import CUSTOM, STOCK, some_model, some_tokenizer, some_tokens, source_of
from trainer.backbones.gpt import GPT
from trainer.checkpoint import encode
from trainer.config import TokenizerKind
from trainer.export import export_torch, torch_files
from trainer.export.comparison import module_of
from trainer.tokenizer import load_tokenizer

FILES = ["config.json", "model.py", "model.safetensors", "tokenizer.json"]
CASES = [*STOCK, *CUSTOM]
PROGRAM = """
import importlib.util, sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
tokens, out = load_file(sys.argv[2])["tokens"], {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    loaded, cache = model.load(folder), model.Cache()
    with torch.no_grad():
        out[folder.name + ".logits"] = loaded(tokens)
        pieces = [loaded(part, cache) for part in tokens.split([5, 1, 10], dim=1)]
    out[folder.name + ".pieces"] = torch.cat(pieces, dim=1)
    out[folder.name + ".more"] = loaded.generate(tokens[:, :3], 30, temperature=0.9, seed=4)
    out[folder.name + ".likeliest"] = loaded.generate(tokens[:, :3], 12, temperature=0)
save_file(out, sys.argv[3])
ours = [name for name in sys.modules if name.split(".")[0] in ("trainer", "state")]
assert not ours, ours
"""


class Exported(NamedTuple):
    models: list[GPT]
    tokens: torch.Tensor
    answers: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Every case, exported and asked in one program of its own."""
    root = tmp_path_factory.mktemp("exported")
    models = [some_model(recipe, formula, tied=tied) for recipe, formula, tied in CASES]
    for number, model in enumerate(models):
        write(torch_files(source_of(model)), root / "folders" / f"{number:02d}")
    tokens = some_tokens()
    save_file({"tokens": tokens}, root / "in.safetensors")
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "folders", "in.safetensors", "out.safetensors"],
        cwd=root,
        env={"OMP_NUM_THREADS": "1"},
        check=True,
    )
    return Exported(models, tokens, load_file(root / "out.safetensors"))


def write(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number][1])
def test_the_exported_model_gives_our_logits_in_a_program_of_its_own(
    exported: Exported, number: int
) -> None:
    with torch.no_grad():
        ours = exported.models[number](exported.tokens)
    scale = float(ours.abs().max())
    assert float((exported.answers[f"{number:02d}.logits"] - ours).abs().max()) <= 1e-5 * scale
    torch.testing.assert_close(exported.answers[f"{number:02d}.pieces"], ours, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number][1])
def test_the_exported_model_writes_beyond_its_context(exported: Exported, number: int) -> None:
    more = exported.answers[f"{number:02d}.more"]
    assert more.shape == (3, 33)
    assert torch.equal(more[:, :3], exported.tokens[:, :3])
    written, model = exported.tokens[:, :3], exported.models[number]
    for _ in range(12):
        with torch.no_grad():
            written = torch.cat([written, model(written)[:, -1:].argmax(dim=-1)], dim=1)
    assert torch.equal(exported.answers[f"{number:02d}.likeliest"], written)


@pytest.mark.parametrize("kind", ["byte", "char", "bpe"])
def test_model_py_writes_text_with_every_tokenizer(
    tmp_path: Path,
    kind: TokenizerKind,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = some_tokenizer(kind, "The sea was calm, “she said”, and a boat went out. " * 20)
    (tmp_path / "ours.json").write_bytes(tokenizer)
    ours = load_tokenizer(tmp_path / "ours.json")
    model = some_model("modern", "silu", vocab_size=ours.vocab_size)
    folder = write(torch_files(source_of(model, tokenizer, "chat")), tmp_path / "model")
    prompt, program = "“Yes” \U0001f41f?", module_of(folder)

    def written(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["model.py", "--prompt", prompt, "--tokens", "20", *more])
        program.main()
        return capsys.readouterr().out

    shown = written("--seed", "1")
    assert shown.startswith(f"<|user|> {prompt} <|assistant|>")
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert written("--seed", "1") == shown != written("--seed", "2")
    for wrong in ("--tokens=0", "--temperature=nan", "--top-k=-1"):
        with pytest.raises(SystemExit, match="2"):
            written(wrong)


def test_equal_checkpoints_are_exported_as_equal_bytes(run_folder: Path, tmp_path: Path) -> None:
    objects, tokenizer = ObjectStore(tmp_path), RunFolder(run_folder).data / "tokenizer.json"
    sha = objects.publish(encode(source_of(some_model("modern", "swiglu")).checkpoint))
    for name in "ab":
        export_torch(objects, sha, tmp_path / name, tokenizer)
    for file in FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES


def test_the_exported_configuration_names_the_activation(tmp_path: Path) -> None:
    folder = write(torch_files(source_of(some_model("modern", "swiglu"))), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["activation"] == "glu(silu(x))"
    assert config["activation_tree"] == ["leaf", "silu"]
    assert config["domain"] == "text"
    weights = load_file(folder / "model.safetensors")
    assert all("/" not in name for name in weights)
