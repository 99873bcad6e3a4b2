"""Whatever is accepted can be read again."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Column, Double, Integer

from state import wire
from tests.dashboard.web.clients import BEARER, asking, make_settings

WORDS = st.sampled_from(
    ["cambrian", "training", "champion", "trained", "continue", "gelu(x)", "{}", "[1]", "\0", "é"]
)
NUMBERS = st.sampled_from([-1, 0, 1, 2**31 - 1, 2**62, 10**400])
REALS = st.floats() | NUMBERS
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    REALS | WORDS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
PARTS = (
    *("", "/members", "/generations", "/decisions", "/findings", "/events", "/samples"),
    *("/synchrony", "/batteries", "/ledger", "/checkpoints", "/series?columns=loss&columns=lr"),
)


def values_of(column: Column[object]) -> st.SearchStrategy[Any]:
    match column.type:
        case Boolean():
            return st.none() | st.booleans()
        case Double():
            return st.none() | REALS
        case Integer():
            return st.none() | NUMBERS
        case JSON():
            return st.none() | DOCUMENTS
        case _:
            return st.none() | WORDS


def rows_of(name: str) -> st.SearchStrategy[dict[str, object]]:
    columns = {
        column.name: values_of(column)
        for column in wire.TABLES[name].columns
        if column.name != "run_id"
    }
    keys = {one.name for one in wire.TABLES[name].primary_key} & columns.keys()
    some = {key: columns.pop(key).filter(lambda value: value is not None) for key in keys}
    return st.fixed_dictionaries(some, optional=columns)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with asking(make_settings(tmp_path_factory.mktemp("reading"))) as client:
        yield client


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_accepted_can_be_read(client: TestClient, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(wire.TABLES)))
    rows = data.draw(st.lists(rows_of(name), min_size=1, max_size=2))
    # Each by itself: what an earlier example has left must not be to blame.
    run_id = uuid.uuid4().hex
    body = json.dumps({"type": name, "run_id": run_id, "rows": rows})
    answer = client.post("/api/ingest", content=body, headers=BEARER)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 200:
        for part in ("/metrics", "/api/runs", *(f"/api/runs/{run_id}{part}" for part in PARTS)):
            assert client.get(part).status_code == 200, (part, rows)
