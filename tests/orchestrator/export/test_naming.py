"""What an export is called where nobody says."""

from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commits import Saved
from orchestrator.export.naming import folder_name
from orchestrator.opened_model import open_model
from state.run_folder import RunFolder
from trainer.config import ModelConfig


def renamed(saved: Saved, backbone: str, status: str) -> Saved:
    model = ModelConfig.model_validate({**saved.config.model.model_dump(), "backbone": backbone})
    return saved.model_copy(
        update={
            "config": saved.config.model_copy(update={"model": model}),
            "run": saved.run.model_copy(update={"status": status}),
        }
    )


def test_an_export_is_named_after_its_backbone_and_age(
    trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["export", str(trained.root)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ckpt_GPT_final"]
    assert (tmp_path / "ckpt_GPT_final" / "model.safetensors").exists()


def test_a_run_that_goes_on_names_its_step_and_a_fusion_that_evolved_its_kind(
    trained: RunFolder,
) -> None:
    opened = open_model(trained.root)
    best = opened.best.model_copy(update={"age_steps": 1200})
    assert folder_name(renamed(opened.saved, "gf-mh", "running"), best) == "ckpt_GF-MH_step1200"
    assert folder_name(renamed(opened.saved, "gf-mh", "finished"), best) == "ckpt_GF-MH_final"
    evolved = best.model_copy(update={"genome": best.genome.fused("hgf")})
    assert folder_name(renamed(opened.saved, "gf-mh", "finished"), evolved) == "ckpt_HGF_final"


def test_a_folder_of_that_name_with_other_files_is_left_alone(
    trained: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ckpt_GPT_final").mkdir()
    (tmp_path / "ckpt_GPT_final" / "notes.txt").write_text("mine")
    assert main(["export", str(trained.root)]) == 2
    assert "which symbio-auto export did not write" in capsys.readouterr().err
