"""Where runs are found, and what a list says of them."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.web.settings import ServerSettings
from dashboard.web.sources import Sources, UnknownRun
from state.metrics_figures import has_values
from state.metrics_reader import MetricsReader
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder
from state.run_lock import RunLock
from tests.databases import empty_store
from tests.full_store import fill, make_steps
from tests.old_stores import back_to_first_schema


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are searched whenever somebody asks."""
    monkeypatch.setattr("dashboard.web.folders.SEARCH_SECONDS", -1.0)


def make_run(place: Path, run_id: str, *, finished: bool = False) -> RunFolder:
    folder = RunFolder(place)
    folder.create()
    folder.metrics_db.write_bytes(empty_store())
    with MetricsStore.open(folder.metrics_db, writer=True) as store:
        fill(store, run_id)
        if finished:
            store.record_event(run_id, 1, "finished", {})
    return folder


def of_folders(*roots: Path) -> Sources:
    return Sources(ServerSettings(runs=roots))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_runs_are_found_below_a_folder_or_in_it(runs: Path) -> None:
    make_run(runs / "one", "run-1")
    make_run(runs / "group" / "two", "run-2")
    make_run(runs / ".hidden", "run-3")
    (runs / "empty").mkdir()
    (runs / "elsewhere").symlink_to(make_run(runs.parent / "outside", "run-4").root)
    with of_folders(runs) as sources:
        assert {card.run_id: card.name for card in sources.cards()} == {
            "run-1": "one",
            "run-2": "two",
        }
        assert sources.reader("run-1").summary("run-1") is not None
        folder = sources.folder("run-2")
        assert folder is not None
        assert folder.root == runs / "group" / "two"
    with of_folders(runs / "one", runs / "nothing") as sources:
        assert [card.run_id for card in sources.cards()] == ["run-1"]


def test_a_card_says_how_a_run_stands(runs: Path) -> None:
    make_run(runs / "one", "run-1")
    with of_folders(runs) as sources:
        card = sources.card("run-1")
    assert (card.domain, card.symbio, card.symbio_mode) == ("chat", True, "search")
    assert (card.ffn_activation, card.best_bits_per_byte) == ("swiglu(x)", 2.5)
    assert (card.latest_step, card.last_loss) == (10, 0.1)
    assert (card.status, card.health, card.source) == ("stopped", "ended", "folder")


def test_a_run_is_active_while_a_process_holds_it_and_stale_when_it_is_silent(runs: Path) -> None:
    folder = make_run(runs / "one", "run-1")
    with of_folders(runs) as sources:
        stopped = sources.mark("run-1")
        with RunLock(folder.lock):
            card = sources.card("run-1")
            assert (card.status, card.health) == ("active", "live")
            live = sources.mark("run-1")
            earlier = (datetime.now(UTC) - timedelta(seconds=181)).timestamp()
            for path in folder.root.iterdir():
                os.utime(path, (earlier, earlier))
            assert sources.card("run-1").health == "stale"
            assert len({stopped, live, sources.mark("run-1")}) == 3
        assert sources.card("run-1").status == "stopped"
    make_run(runs / "two", "run-2", finished=True)
    with of_folders(runs) as sources:
        assert sources.card("run-2").status == "finished"


def test_a_mark_changes_with_what_is_written_and_not_with_reading(runs: Path) -> None:
    folder = make_run(runs / "one", "run-1")
    with of_folders(runs) as sources:
        before = sources.mark("run-1")
        sources.reader("run-1").steps("run-1")
        assert sources.mark("run-1") == before
        with MetricsStore.open(folder.metrics_db, writer=True) as store:
            store.record_steps("run-1", make_steps(1, generation=9))
            assert sources.mark("run-1") != before
        assert sources.card("run-1").latest_step == 1


def test_a_run_of_an_older_version_is_shown(runs: Path) -> None:
    folder = make_run(runs / "one", "run-1")
    back_to_first_schema(folder.metrics_db)
    with of_folders(runs) as sources:
        assert sources.card("run-1").best_bits_per_byte == 2.5
        assert not has_values(sources.reader("run-1"), "run-1", ["cusum_val_pos"])


def test_what_cannot_be_read_is_left_out_until_it_can(runs: Path) -> None:
    folder = make_run(runs / "one", "run-1")
    whole = folder.metrics_db.read_bytes()
    folder.metrics_db.write_bytes(b"not a database" * 1000)
    with of_folders(runs) as sources:
        assert sources.cards() == ()
        with pytest.raises(UnknownRun):
            sources.mark("run-1")
        folder.metrics_db.write_bytes(whole)
        assert [card.run_id for card in sources.cards()] == ["run-1"]
        shutil.rmtree(folder.root)
        assert sources.cards() == ()


def test_a_run_that_was_made_anew_is_read_anew(runs: Path) -> None:
    make_run(runs / "one", "run-1")
    with of_folders(runs) as sources:
        assert sources.card("run-1").name == "one"
        shutil.move(runs / "one", runs.parent / "kept")
        make_run(runs / "one", "run-2")
        assert [card.run_id for card in sources.cards()] == ["run-2"]


def test_of_two_copies_the_one_heard_of_last_counts(runs: Path) -> None:
    folder = make_run(runs / "old", "run-1")
    shutil.copytree(folder.root, runs / "new")
    earlier = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    for path in folder.root.iterdir():
        os.utime(path, (earlier, earlier))
    with of_folders(runs) as sources:
        assert [card.name for card in sources.cards()] == ["new"]
        found = sources.folder("run-1")
        assert found is not None
        assert found.root == runs / "new"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetricsReader]:
    with MetricsStore.open(tmp_path / "server.db", writer=True) as writer:
        fill(writer, "run-1")
        fill(writer, "reported")
        writer.update_run("reported", {"created_at": "2099-01-01", "latest_step": 99})
    reader = MetricsReader.at(tmp_path / "server.db")
    yield reader
    reader.close()


def test_a_run_in_a_folder_and_in_the_store_is_read_in_the_folder(
    runs: Path, store: MetricsReader
) -> None:
    make_run(runs / "one", "run-1")
    with Sources(ServerSettings(runs=(runs,)), store) as sources:
        assert [(card.run_id, card.source) for card in sources.cards()] == [
            ("reported", "server"),
            ("run-1", "folder"),
        ]
        assert sources.reader("run-1") is not store
        assert sources.reader("reported") is store
        assert sources.folder("reported") is None
        assert sources.card("reported").latest_step == 99
        assert sources.store() is store


@pytest.mark.parametrize("run_id", ["nobody", "", "..", "\0", "\ud800"])
def test_a_run_that_nobody_has_is_unknown(run_id: str, store: MetricsReader) -> None:
    with Sources(ServerSettings(), store) as sources:
        for ask in (sources.card, sources.reader, sources.mark):
            with pytest.raises(UnknownRun):
                ask(run_id)
        assert sources.folder(run_id) is None
