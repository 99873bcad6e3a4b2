"""Every command writes inside the folder that it was given, whatever names it meets."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main
from state.objects import ObjectStore
from state.run_folder import RunFolder
from state.sealed import Document, seal, unseal
from trainer.config import DataConfig
from trainer.data import prepare

NAMES = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "",
    "*",
    "a" * 63,
    "a" * 65,
    "A" * 64,
    "g" * 64,
    "a" * 64 + "\n",
    "a" * 63 + "/",
    "../" + "a" * 61,
    "\uff41" * 64,
)


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run beside a file that nobody may touch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_text("untouched", encoding="utf-8")
    return Path(shutil.copytree(finished, tmp_path / "run"))


def victim_is_untouched(folder: Path) -> bool:
    return (folder / "victim").read_text(encoding="utf-8") == "untouched"


def replaced(run: Path, old: str, new: str) -> None:
    """Write `new` for `old` everywhere in the newest commit, seal it, and drop the one before."""
    text = json.dumps(unseal((run / "state.json").read_bytes()))
    assert old in text
    changed: Document = json.loads(text.replace(json.dumps(old), json.dumps(new)))
    (run / "state.json").write_bytes(seal(changed))
    (run / "state.json.prev").unlink(missing_ok=True)


def winner(run: Path) -> str:
    state = unseal((run / "state.json").read_bytes())["state"]
    assert isinstance(state, dict)
    sha: str = state["run"]["winner"]["checkpoint"]  # type: ignore[index,call-overload,assignment]
    return sha


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_object_has_a_sha256_for_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not a sha256"):
        ObjectStore(tmp_path).path(name)


@pytest.mark.parametrize("name", ["../victim", "../../etc/passwd", "/etc/passwd"])
@pytest.mark.parametrize(
    "command",
    [
        ["export", "run", "--to", "out"],
        ["sample", "run"],
        ["battery", "run", "--quick"],
        ["--resume", "run"],
    ],
)
def test_a_commit_cannot_name_a_file_outside(
    run: Path, capsys: pytest.CaptureFixture[str], name: str, command: list[str]
) -> None:
    replaced(run, winner(run), name)
    assert main(command) == 2
    assert "is not a sha256" in capsys.readouterr().err
    assert not Path("out").exists()
    assert victim_is_untouched(run.parent)


@pytest.mark.parametrize(
    "name", ["events.jsonl", "log.txt", "metrics.db", "lock", "state.json", "data/tokenizer.json"]
)
@pytest.mark.parametrize("command", [["report", "run"], ["--resume", "run", "--budget", "90"]])
def test_a_run_with_a_link_in_it_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str], name: str, command: list[str]
) -> None:
    (run / name).unlink()
    (run / name).symlink_to(run.parent / "victim")
    assert main(command) == 2
    assert "is a link to" in capsys.readouterr().err
    assert victim_is_untouched(run.parent)


@pytest.mark.parametrize("name", ["data", "objects", "configs", "partial", "events.jsonl"])
def test_a_new_run_is_not_begun_among_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    elsewhere, run = tmp_path / "elsewhere", tmp_path / "run"
    elsewhere.mkdir()
    run.mkdir()
    (run / name).symlink_to(elsewhere)
    (tmp_path / "corpus.txt").write_text("Some text of many words. " * 400, encoding="utf-8")
    code = main(["--data", str(tmp_path / "corpus.txt"), "--run-dir", str(run)])
    assert code == 2
    assert "is a link to" in capsys.readouterr().err
    assert not list(elsewhere.iterdir())


def test_an_export_refuses_links_and_does_not_follow_them(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = run.parent / "out"
    assert main(["export", "run", "--to", "out"]) == 0
    for path in target.iterdir():
        path.unlink()
        path.symlink_to(run.parent / "victim")
    assert main(["export", "run", "--to", "out"]) == 2
    assert "which symbio-auto export did not write" in capsys.readouterr().err
    assert victim_is_untouched(run.parent)


def test_a_refused_run_above_its_folder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    (inner / "corpus.txt").write_text("too short", encoding="utf-8")
    assert main(["--data", "corpus.txt", "--run-dir", "../../c/d"]) == 2
    assert {path.name for path in tmp_path.rglob("*")} == {"a", "b", "corpus.txt"}


def test_a_folder_of_texts_may_lead_elsewhere_for_reading_only(tmp_path: Path) -> None:
    """Links among texts are the user's: they are read, and what is read is not changed."""
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"Line {n} of {n * n} words." for n in range(900)), "utf-8")
    before = text.read_bytes()
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "linked.txt").symlink_to(text)
    folder = RunFolder(tmp_path / "run")
    folder.create()
    prepare(DataConfig(paths=(str(texts),), tokenizer="byte"), folder.data, 16)
    assert text.read_bytes() == before
