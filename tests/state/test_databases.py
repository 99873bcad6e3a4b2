"""The same store in SQLite, in PostgreSQL and, where its driver is, in libSQL."""

import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from state import database_url
from state.metrics_reader import MetricsReader
from state.metrics_store import MetricsStore
from tests.databases import KINDS, migrated
from tests.full_store import fill, make_steps

LIBSQL = pytest.mark.skipif(find_spec("sqlalchemy_libsql") is None, reason="no libSQL driver")
ALL = [*KINDS, pytest.param("libsql", marks=LIBSQL)]


@pytest.fixture(params=ALL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "libsql":
        return f"sqlite+libsql:///{tmp_path / 'server.db'}"
    return migrated(request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[MetricsStore]:
    with MetricsStore.open(url, writer=True) as store:
        yield store


def everything(reader: MetricsReader, run_id: str) -> list[object]:
    """All that a reader can be asked for."""
    asked = (
        *(reader.phases, reader.members, reader.steps, reader.losses, reader.decisions),
        *(reader.findings, reader.synchrony, reader.batteries, reader.samples, reader.ledger),
        *(reader.events, reader.generations, reader.last_point, reader.checkpoints),
    )
    return [ask(run_id) for ask in asked]


def test_every_record_comes_back_as_it_was(store: MetricsStore, url: str, tmp_path: Path) -> None:
    fill(store, "a run")
    with MetricsStore.open(tmp_path / "plain.db", writer=True) as plain:
        fill(plain, "a run")
        expected = everything(plain, "a run")
    reader = MetricsReader.at(url)
    assert everything(reader, "a run") == expected
    assert [run.run_id for run in reader.runs()] == ["a run"]
    assert reader.latest_run() == "a run"
    reader.close()


def test_a_row_is_replaced_as_a_whole(store: MetricsStore) -> None:
    first = make_steps(5)
    store.record_steps("r", first)
    again = [step.model_copy(update={"cusum_alerts": None, "loss": 9.0}) for step in first[:2]]
    store.record_steps("r", [*first[:1], *again])
    assert store.steps("r") == (*again, *first[2:])


def test_a_transaction_that_fails_leaves_nothing(store: MetricsStore) -> None:
    store.record_steps("r", make_steps(1))
    with pytest.raises(RuntimeError), store.transaction():
        store.record_steps("r", make_steps(5))
        assert len(store.steps("r")) == 5
        raise RuntimeError
    assert len(store.steps("r")) == 1


def test_readers_go_on_while_the_writer_writes(store: MetricsStore, url: str) -> None:
    fill(store, "r")
    reader = MetricsReader.at(url)
    seen: list[int] = []
    with store.transaction():
        store.record_steps("r", make_steps(50))
        threads = [
            threading.Thread(target=lambda: seen.append(len(reader.steps("r")))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [10] * 4
    assert len(reader.steps("r")) == 50
    reader.close()


def test_what_lies_behind_a_commit_is_forgotten(store: MetricsStore) -> None:
    fill(store, "r")
    store.record_steps("r", make_steps(3, generation=2))
    store.forget_after("r", 1)
    assert {step.generation for step in store.steps("r")} == {1}
    assert len(store.events("r")) == 1
    store.forget_after("r", 0)
    assert (store.steps("r"), store.members("r"), store.phases("r")) == ((), (), ())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hidden@h/x", "cannot be kept in mysql; use postgresql://"),
        ("nonsense", None),
        ("://", "cannot be read; write it like"),
        ("postgresql://u:hidden@h:port/x", "cannot be read; write it like"),
        ("postgresql+nodriver://u:hidden@h/x", r"driver postgresql\+nodriver is not installed"),
        ("postgresql://u:hidden@127.0.0.1:1/x", "connection .*refused.*; check the URL"),
    ],
)
def test_an_unusable_url_is_one_line_without_its_password(
    url: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if said is None:
        # A name without a scheme is a file.
        MetricsStore.open(url, writer=True).close()
        assert Path(url).is_file()
        return
    with pytest.raises(ValueError, match=said) as refused:
        MetricsStore.open(url, writer=True)
    assert "\n" not in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://h/x", "psycopg", "postgresql"),
        ("libsql:///server.db", "libsql_experimental", "libsql"),
    ],
)
def test_a_missing_driver_names_its_extra(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"pip install 'symbio-auto\[{extra}\]'"):
        database_url.create(url, json_serializer=str)
