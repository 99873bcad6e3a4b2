"""Stores of every earlier version, with a row in every table: migrated, or read as they are."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, MetaData, Table, insert, select
from sqlalchemy.types import TypeEngine

from state import database_url, migrations, schema
from state.database import open_engine
from state.metrics_reader import MetricsReader
from tests.databases import KINDS, fresh

VERSIONS = ("0001", "0002", "0003")
RUN = "a run"

Rows = Mapping[str, dict[str, object]]
"""Table -> its row."""


def make_old(url: str, version: str) -> None:
    """A store as that version left it, empty."""
    engine = database_url.create(url, json_serializer=json.dumps)
    with engine.connect() as connection:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def fill(url: str) -> Rows:
    """One row in every table that there is, without a gap."""
    engine = database_url.create(url, json_serializer=json.dumps)
    found = MetaData()
    found.reflect(engine)
    rows: dict[str, dict[str, object]] = {}
    with engine.begin() as connection:
        for table in found.sorted_tables:
            if table.name != "alembic_version":
                ours = schema.METADATA.tables[table.name]
                names = table.columns.keys()
                row = {name: value_for(name, ours.c[name].type) for name in names}
                rows[table.name] = row
                typed = Table(table.name, MetaData(), *(ours.c[name]._copy() for name in names))
                connection.execute(insert(typed), [row])
    engine.dispose()
    return rows


def value_for(name: str, kind: TypeEngine[object]) -> object:
    match kind:
        case _ if name == "run_id":
            return RUN
        case Boolean():
            return True
        case JSON():
            return {"of": name} if name != "parents" else ["x"]
        case Double():
            return len(name) + 0.1
        case BigInteger():
            return 2**40 + len(name)
        case Integer():
            return len(name)
        case _:
            return "cambrian" if name == "phase" else f"ä of {name}"


def read(url: str, *, writer: bool) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by the newest schema."""
    engine = open_engine(url, writer=writer, older=not writer)
    with engine.connect() as connection:
        rows = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in schema.METADATA.sorted_tables
        }
    engine.dispose()
    return rows


def widened(rows: Rows) -> dict[str, list[dict[str, object]]]:
    """What the newest schema shows of these rows: nothing in what they could not hold."""
    return {
        table.name: [dict.fromkeys(table.columns.keys()) | rows[table.name]]
        if table.name in rows
        else []
        for table in schema.METADATA.sorted_tables
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_every_version_is_migrated_without_loss(
    kind: str, version: str, tmp_path: Path
) -> None:
    url = fresh(kind, tmp_path)
    make_old(url, version)
    rows = fill(url)
    assert len(rows) == 12
    for _ in range(2):
        assert read(url, writer=True) == widened(rows)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_file_is_shown_as_it_is_and_not_changed(version: str, tmp_path: Path) -> None:
    url = fresh("sqlite", tmp_path)
    make_old(url, version)
    rows = fill(url)
    path = Path(url.removeprefix("sqlite:///"))
    before = path.read_bytes()
    assert read(url, writer=False) == widened(rows)
    reader = MetricsReader.at(path)
    assert [run.run_id for run in reader.runs()] == [RUN]
    assert reader.checkpoints(RUN) == ()
    reader.close()
    assert path.read_bytes() == before


def test_an_older_server_database_is_refused_to_readers(tmp_path: Path) -> None:
    url = fresh("postgresql", tmp_path)
    make_old(url, "0002")
    with pytest.raises(ValueError, match="has schema 0002, this version reads"):
        MetricsReader.at(url)
