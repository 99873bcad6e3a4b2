"""Commands that are printed work where they are pasted."""

import shlex
from pathlib import Path

import pytest

from orchestrator.run_process import resume_line
from state.pasted import pasted
from state.run_folder import RunFolder


@pytest.mark.parametrize("name", ["plain-1", "naïve run", "it's", "$HOME; ls", "a&b"])
def test_a_path_is_one_word(name: str) -> None:
    path = Path("runs") / name
    assert shlex.split(pasted(path)) == [str(path)]
    assert shlex.split(resume_line(RunFolder(path)))[-1] == str(path / "state.json")


def test_a_plain_path_is_left_as_it_is() -> None:
    assert pasted(Path("runs/symbio-auto/state.json")) == "runs/symbio-auto/state.json"
