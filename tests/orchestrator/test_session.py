"""What becomes of a run that was finished, by this version or an older one."""

import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main
from state.run_folder import RunFolder
from tests.old_stores import back_to_first_schema


@pytest.fixture
def finished(trained: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of a finished run."""
    return RunFolder(shutil.copytree(trained.root, tmp_path / "run"))


def test_a_finished_run_of_an_older_version_is_migrated_by_resuming_it(
    finished: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    back_to_first_schema(finished.metrics_db)
    assert main(["report", str(finished.root)]) == 2
    assert "resume the run once, which migrates it" in capsys.readouterr().err
    assert main(["--resume", str(finished.root)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert main(["report", str(finished.root)]) == 0


def test_resuming_a_finished_run_makes_its_report_again(
    trained: RunFolder, finished: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    report = finished.report_markdown.read_text(encoding="utf-8")
    report = report.replace(str(trained.root), str(finished.root))
    finished.report_markdown.unlink()
    assert main(["--resume", str(finished.root)]) == 0
    assert finished.report_markdown.read_text(encoding="utf-8") == report
    assert "extend it with" in capsys.readouterr().out
