"""Matplotlib leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = (
    "import orchestrator.report.page.draw, orchestrator.figures.style as style\n"
    "style.svg(style.new_figure(1.0))"
)


def test_drawing_leaves_nothing_in_home_or_scratch(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    own = {"HOME": str(home), "TMPDIR": str(scratch), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", PROGRAM], env=own, check=True)
    assert [*home.rglob("*"), *scratch.rglob("*")] == []
