"""The folder of an export: whole or not at all, and nobody else's files lost."""

import json
from pathlib import Path

import pytest

from orchestrator.export.target import LIST_NAME, replacing, require_replaceable, write_files

FACTS = {"made_by": "symbio-auto", "format": "torch", "checkpoint": "0" * 64}


def export(target: Path, **files: bytes) -> None:
    with replacing(target) as folder:
        write_files(folder, files, FACTS)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LIST_NAME}


def test_an_export_makes_its_folder_and_those_above(tmp_path: Path) -> None:
    export(tmp_path / "a/b", model=b"1")
    assert content(tmp_path / "a/b") == {"model": b"1"}
    assert json.loads((tmp_path / "a/b" / LIST_NAME).read_bytes())["files"].keys() == {"model"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("bytecode", [False, True])
def test_an_earlier_export_is_replaced_whole(tmp_path: Path, bytecode: bool) -> None:
    target = tmp_path / "model"
    target.mkdir()
    export(target, model=b"1", old=b"2")
    if bytecode:
        (target / "__pycache__").mkdir()
        (target / "__pycache__/model.pyc").write_bytes(b"")
    export(target, model=b"3")
    assert content(target) == {"model": b"3"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["README.md", "notes.txt", ".git"])
def test_a_file_that_is_the_users_is_never_lost(tmp_path: Path, name: str) -> None:
    target = tmp_path / "model"
    export(target, **{"README.md": b"1"})
    (target / name).write_bytes(b"mine")
    changed = "was changed since" if name == "README.md" else "symbio-auto export did not write"
    with pytest.raises(ValueError, match=rf"{name}', which {changed}.*; give an empty or a new"):
        export(target, model=b"2")
    assert (target / name).read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_list_that_is_no_list_protects_everything_beside_it(tmp_path: Path) -> None:
    (tmp_path / LIST_NAME).write_text('{"files": 3}', encoding="utf-8")
    require_replaceable(tmp_path)
    (tmp_path / "model").write_bytes(b"")
    with pytest.raises(ValueError, match="'model', which symbio-auto export did not write"):
        require_replaceable(tmp_path)


def test_a_file_or_a_link_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "inside").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inside")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link", "dangling"):
        with pytest.raises(ValueError, match="is no folder; give a new one"):
            export(tmp_path / name, model=b"")
    with pytest.raises(ValueError, match="cannot be written"):
        export(tmp_path / "file/below", model=b"")


def test_a_link_in_an_earlier_export_is_not_followed(tmp_path: Path) -> None:
    target, victim = tmp_path / "model", tmp_path / "victim"
    victim.write_bytes(b"1")
    export(target, model=b"1")
    (target / "model").unlink()
    (target / "model").symlink_to(victim)
    with pytest.raises(ValueError, match="'model', which"):
        export(target, model=b"2")
    assert victim.read_bytes() == b"1"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_export_that_fails_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def fails(target: Path) -> None:
        with replacing(target) as folder:
            write_files(folder, {"model": b"2"}, FACTS)
            raise error

    for name, before in (("new", {}), ("old", {"model": b"1"})):
        if before:
            export(tmp_path / name, **before)
        with pytest.raises(error):
            fails(tmp_path / name)
        assert (tmp_path / name).exists() == bool(before)
    assert content(tmp_path / "old") == {"model": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
