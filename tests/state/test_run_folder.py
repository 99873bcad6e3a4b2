"""Paths of a run, and folders that cannot be one."""

from pathlib import Path

import pytest

from state.run_folder import RunFolder


def test_every_path_is_inside_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    names = [name for name, value in vars(RunFolder).items() if isinstance(value, property)]
    paths = {getattr(folder, name) for name in names}
    assert len(paths) == len(names) == 20
    assert all(path.parent == tmp_path for path in paths)


def test_configurations_sort_in_the_order_of_the_phases(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.configuration(3, "cambrian") == tmp_path / "configs" / "03-cambrian.json"


def test_create_makes_the_folders_twice_and_leaves_no_probe(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    folder.create()
    folder.create()
    assert sorted(path.name for path in folder.root.iterdir()) == ["configs", "data", "objects"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file", encoding="utf-8")
    for root in (tmp_path / "run", tmp_path / "run" / "below"):
        with pytest.raises(ValueError, match=r"cannot be written: .*choose another with --run-dir"):
            RunFolder(root).create()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc on this system")
def test_a_folder_that_takes_no_files_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="run folder /proc/self/run cannot be written") as refusal:
        RunFolder(Path("/proc/self/run")).create()
    assert "\n" not in str(refusal.value)


def test_a_run_is_named_by_its_folder_or_its_state_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert RunFolder.from_argument(tmp_path) == folder
    assert RunFolder.from_argument(folder.state) == folder
    assert RunFolder.from_argument(folder.state_previous) == folder


@pytest.mark.parametrize("name", ["absent", "absent/state.json", "metrics.db"])
def test_anything_else_is_not_a_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "metrics.db").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is neither a run folder nor its state.json; give"):
        RunFolder.from_argument(tmp_path / name)
