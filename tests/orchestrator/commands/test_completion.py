"""The scripts of `symbio-auto completion` complete what a person types."""

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli import COMMANDS, main
from orchestrator.commands.completion import FILES, FOLDERS, NAMES, script
from orchestrator.flags import GROUPS
from orchestrator.grammar import SHELLS, build_parser
from orchestrator.one_line_parser import commands_of, flags_of
from state.genome import parse

ASK = """
source {script}
COMP_WORDS=(symbio-auto {words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_shtab_symbio_auto symbio-auto "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "symbio-auto.bash"
    path.write_text(script("bash"), encoding="utf-8")
    return path


def completed(bash_script: Path, words: str, folder: Path) -> list[str]:
    """What bash offers behind `symbio-auto WORDS<TAB>` in a folder."""
    asked = ASK.format(script=bash_script, words=words)
    run = subprocess.run(
        ["bash", "--norc", "-c", asked], cwd=folder, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    return run.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("st", ["status", "stop"]),
        ("--tok", ["--tokenizer"]),
        ("--tokenizer ''", ["byte", "char", "bpe"]),
        ("--tokenizer b", ["byte", "bpe"]),
        ("--model s", ["small"]),
        ("train --act", ["--activation"]),
        ("train --activation sw", ["swiglu"]),
        ("fork run --at ca", ["cambrian"]),
        ("plan t", ["train"]),
        ("plan train --it", ["--iters"]),
        ("completion f", ["fish"]),
        ("help dia", ["diagnose"]),
        ("status ru", ["runs"]),
        ("--data bo", ["book.txt"]),
        ("--run-dir ''", ["runs"]),
    ],
)
def test_bash_offers_what_fits(
    bash_script: Path, tmp_path: Path, words: str, offered: list[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "book.txt").write_text("text", encoding="utf-8")
    assert completed(bash_script, words, tmp_path) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_learns_every_command_and_flag(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    shown = [flag.removeprefix("--") for flags in GROUPS.values() for flag in flags]
    assert all(flag in text for flag in shown)


def test_what_is_completed_is_a_flag_and_what_is_offered_is_accepted() -> None:
    parser = build_parser()
    known = {flag for one in commands_of(parser).values() for flag in flags_of(one)}
    assert {*NAMES, *FILES, *FOLDERS} <= known | set(flags_of(parser))
    for name in NAMES["--activation"]:
        parse(name)
    for name in NAMES["--control"][1:]:
        parse(name)


def test_a_shell_that_the_installed_shtab_does_not_know_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shtab.SUPPORTED_SHELLS", ["bash"])
    assert main(["completion", "fish"]) == 2
    assert "completion fish needs a newer shtab" in capsys.readouterr().err
