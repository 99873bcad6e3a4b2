"""`symbio-auto export`, from a run to a folder that was checked."""

import json
import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.export import checked, with_transformers
from orchestrator.export.checked import held_out_tokens
from state.run_folder import RunFolder
from trainer import export as exports
from trainer.data import Dataset
from trainer.export import Source, torch_files
from trainer.export.comparison import Difference

BOTH = {
    "README.md",
    "activation.png",
    "activation.svg",
    "activation.tex",
    "activation.txt",
    "config.json",
    "export.json",
    "model.safetensors",
    "tokenizer.json",
}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without transformers."""

    def no_version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(with_transformers, "version", no_version)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_export_for_torch_is_checked_and_says_so(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert main(["export", str(trained.root), "--to", str(target)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"exported to {target} as model.py: 10 files, " in lines[0]
    said = re.fullmatch(
        r"logits differ by at most \S+ \(relative (\S+)\) on [\d,]+ held-out tokens", lines[1]
    )
    assert said is not None
    assert float(said[1]) < 1e-5
    assert names(target) == BOTH | {"model.py"}
    assert names(tmp_path) == {"out"}
    for name in ("model.safetensors", "tokenizer.json", "model.py", "config.json"):
        assert (target / name).read_bytes() == (trained.model / name).read_bytes()


@pytest.mark.usefixtures("alone")
def test_an_export_for_transformers_needs_no_transformers(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        arguments = ["export", str(trained.root), "--to", str(tmp_path / "out"), "--format", "hf"]
        assert main(arguments) == 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert BOTH | {"generation_config.json", "tokenizer_config.json"} <= written.keys()
    printed = capsys.readouterr().out
    assert "transformers is not installed, so it was not asked" in printed
    first, second = printed.strip().splitlines()[:3], printed.strip().splitlines()[3:]
    assert first == second
    listed = json.loads(written["export.json"])
    assert listed["files"].keys() == written.keys() - {"export.json"}
    assert listed["format"] == "hf"


@pytest.mark.slow
def test_transformers_is_asked_where_it_is_installed(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "out")
    assert main(["export", str(trained.root), "--to", target, "--format", "hf"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("transformers 5.")
    assert " loads it: logits differ by at most " in said


def test_an_export_that_is_not_the_model_is_thrown_away(
    trained: RunFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoilt(source: Source) -> dict[str, bytes]:
        files = torch_files(source)
        return files | {
            "model.py": files["model.py"]
            .replace(b'"silu": F.silu', b'"silu": F.elu')
            .replace(b'"gelu": F.gelu', b'"gelu": F.elu')
        }

    monkeypatch.setattr(exports, "torch_files", spoilt)
    assert main(["export", str(trained.root), "--to", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "the exported model is not the run's: logits differ by at most " in said
    assert "nothing was written" in said
    assert names(tmp_path) == set()


def test_another_tokenizer_is_refused() -> None:
    same = Difference(0.0, 0.0, 10)
    checked.require_same(same, [1, 2], [1, 2])
    with pytest.raises(RuntimeError, match="held-out text becomes other tokens"):
        checked.require_same(same, [1, 3], [1, 2])


def test_a_target_with_files_of_the_user_is_refused_before_anything_is_read(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["export", "no-such-run", "--to", str(tmp_path)]) == 2
    assert "'thesis.txt', which symbio-auto export did not write" in capsys.readouterr().err
    assert main(["export", str(trained.root), "--to", str(trained.model)]) == 2
    assert "'config.json', which" in capsys.readouterr().err
    assert names(tmp_path) == {"thesis.txt"}


def test_a_drawing_that_fails_costs_a_line(
    trained: RunFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr("orchestrator.figures.activation.activation_figure", fails)
    assert main(["export", str(trained.root), "--to", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == "symbio-auto: no picture of the activation: no fonts\n"
    assert names(tmp_path / "out") == (BOTH | {"model.py"}) - {"activation.png", "activation.svg"}
    assert "activation.png" not in (tmp_path / "out/README.md").read_text(encoding="utf-8")


def test_the_tokens_that_are_compared_are_whole_windows_of_the_search_split(
    trained: RunFolder,
) -> None:
    dataset = Dataset(trained.data)
    tokens = held_out_tokens(dataset, 16, dataset.manifest.vocab_size)
    whole = (dataset.manifest.splits["search"].tokens - 1) // 16
    assert tokens.shape == (min(256, whole), 16)
    assert tokens.flatten().tolist() == dataset.tokens("search")[: tokens.numel()].tolist()
    assert held_out_tokens(dataset, 16, 2**22).shape == (1, 16)
