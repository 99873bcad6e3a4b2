"""What counts when two run folders are compared."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.kill_test.contents import Contents, contents, differences, torn, without_times
from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, ScriptedRun, make_config


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("played") / "run"
    ScriptedRun(folder, make_config(budget=300), ScriptedEngine(folder)).play()
    return folder


@pytest.fixture
def copy(played: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(played, tmp_path / "copy")))


@pytest.fixture(scope="module")
def expected(played: Path) -> Contents:
    return contents(RunFolder(played))


def edit(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the last row of a journal."""
    *rows, last = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(last)
    change(row)
    path.write_text("\n".join([*rows, json.dumps(row)]) + "\n", encoding="utf-8")


def test_a_copy_is_equal_and_every_kind_of_file_takes_part(
    copy: RunFolder, expected: Contents
) -> None:
    assert differences(expected, contents(copy)) == ()
    assert {"state.json", "metrics.db", "events.jsonl", "metrics.jsonl", "objects"} <= set(expected)
    assert all(lines.total() for name, lines in expected.items() if name != "objects")


def test_times_and_resumptions_do_not_count(copy: RunFolder, expected: Contents) -> None:
    edit(copy.metrics_jsonl, lambda row: row.update(tokens_per_sec=1e9, ms_per_step=7))
    with closing(sqlite3.connect(copy.metrics_db)) as connection:
        connection.execute("UPDATE metrics SET tokens_per_sec = 5")
        connection.execute("UPDATE runs SET updated_at = 'now'")
        connection.commit()
    copy.log.write_text("anything", encoding="utf-8")
    assert differences(expected, contents(copy)) == ()


def test_of_the_alerts_only_the_bit_of_the_clock_does_not_count() -> None:
    found = [without_times({"cusum_alerts": one, "cusum_tps_neg": 2.5}) for one in (1, 9, 3, None)]
    assert found == [{"cusum_alerts": one} for one in (1, 1, 3, None)]


def test_a_changed_number_is_found(copy: RunFolder, expected: Contents) -> None:
    edit(copy.metrics_jsonl, lambda row: row.update(loss=-1.5))
    (found,) = differences(expected, contents(copy))
    assert found.startswith("metrics.jsonl: 1 lines missing, 1 too many\n  - ")
    assert '"loss":-1.5' in found


def test_a_row_that_is_there_twice_is_found(copy: RunFolder, expected: Contents) -> None:
    last = copy.events_jsonl.read_bytes().splitlines(keepends=True)[-1]
    with copy.events_jsonl.open("ab") as file:
        file.write(last)
    (found,) = differences(expected, contents(copy))
    assert found.startswith("events.jsonl: 0 lines missing, 1 too many")


def test_a_lost_row_of_the_store_is_found(copy: RunFolder, expected: Contents) -> None:
    with closing(sqlite3.connect(copy.metrics_db)) as connection:
        connection.execute("DELETE FROM phases WHERE first_generation = 0")
        connection.commit()
    (found,) = differences(expected, contents(copy))
    assert found.startswith("metrics.db: 1 lines missing, 0 too many\n  - phases ")


def test_damaged_missing_and_forgotten_weights_are_found(
    copy: RunFolder, expected: Contents
) -> None:
    first, second, *_ = sorted(copy.objects.iterdir())
    first.write_bytes(b"flipped")
    second.unlink()
    forgotten = copy.objects / f"{'0' * 64}.safetensors"
    forgotten.write_bytes(b"")
    (found,) = differences(expected, contents(copy))
    assert found.startswith("objects: 0 lines missing, 3 too many")
    assert f"left over {forgotten.name}" in found
    assert f"MissingObject {second.stem}" in found
    assert f"DamagedObject {first.stem}" in found


def test_what_a_killed_writer_left_is_found(copy: RunFolder, expected: Contents) -> None:
    (copy.configs / ".01-abiogenesis.json.123-0a1b2c3d.tmp").write_bytes(b"{")
    (found,) = differences(expected, contents(copy))
    assert found.startswith("configs/.01-abiogenesis.json.tmp: 0 lines missing, 1 too many")


@pytest.mark.parametrize("name", ["state.json", "state.json.prev", "configs/02-primordial.json"])
def test_what_is_torn_under_its_own_name_is_found(copy: RunFolder, name: str) -> None:
    assert torn(copy) == ()
    path = copy.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"a": ')
    (copy.root / ".state.json.123-0a1b2c3d.tmp").write_bytes(b'{"a": ')
    assert torn(copy) == (name,)


def test_torn_weights_are_found_and_those_of_nobody_too(copy: RunFolder) -> None:
    path = copy.objects / f"{'0' * 64}.safetensors"
    path.write_bytes(b"half")
    assert torn(copy) == (path.relative_to(copy.root).as_posix(),)
