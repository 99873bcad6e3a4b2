"""Reading as JSON: what is stored is told, and no request is a fault of the server's."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state.metrics_store import MetricsStore
from tests.dashboard.web.clients import BEARER, asking, make_settings
from tests.databases import KINDS, migrated
from tests.full_store import HOSTILE, fill

RUN = "a run é <b>"


@pytest.fixture(scope="module", params=KINDS)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("api")
    url = migrated(request.param, folder)
    with MetricsStore.open(url, writer=True) as store:
        fill(store, RUN, num_steps=500)
    with asking(make_settings(folder, database=url)) as client:
        yield client


def get(client: TestClient, path: str, **parameters: object) -> Any:  # noqa: ANN401
    answer = client.get(f"/api/runs/{quote(RUN)}{path}", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_address_tells_what_is_stored(client: TestClient) -> None:
    assert client.get("/api/runs").json()[0]["run_id"] == RUN
    whole = get(client, "")
    assert whole["card"]["symbio_mode"] == "search"
    assert whole["summary"]["config"] == {"budget": 100}
    assert [phase["phase"] for phase in whole["phases"]] == ["cambrian"]
    assert get(client, "/members")[0]["genome"] == {"formula": "gelu(x)"}
    assert get(client, "/members", generation=7) == []
    assert get(client, "/generations")[0]["summary"]["note"] == "é"
    assert get(client, "/decisions")[0]["numbers"] == {"a": 1.5}
    assert get(client, "/findings", last=1)[0]["finding"]["reason"] == HOSTILE
    assert get(client, "/events")[0]["data"]["text"] == HOSTILE
    assert get(client, "/samples")[0]["sample"]["prompt"] == HOSTILE
    assert get(client, "/synchrony")[0]["phases"] == [0.5, 1.5]
    assert get(client, "/batteries")[0]["probes"][0]["score"] == 0.25
    assert get(client, "/ledger")["budget"] == 100
    assert get(client, "/checkpoints") == []


def test_curves_are_thinned_to_what_is_asked_for(client: TestClient) -> None:
    found = get(client, "/series", columns=["loss", "lr"], points=50)
    assert found["num_steps"] == 500
    assert len(found["first_step"]) == len(found["mean"]["lr"]) <= 50
    ends = (found["first_step"][0], found["last_step"][-1])
    assert (*ends, max(found["greatest"]["loss"])) == (1, 500, 1.0)
    assert get(client, "/series", columns="loss", member="nobody")["first_step"] == []


def test_an_unknown_run_is_said_to_be_one(client: TestClient) -> None:
    for path in ("", "/members", "/series?columns=loss", "/ledger", "/checkpoints"):
        answer = client.get(f"/api/runs/nobody{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "no run is called nobody"})


TEXTS = st.sampled_from([RUN, "..", "%", "'; --", "\0", "a/b", "😀", "0" * 64]) | st.text(
    st.characters(codec="utf-8"), min_size=1, max_size=12
)
NUMBERS = st.sampled_from([-1, 0, 1, 10, 2**31 - 1, 2**31, 2**63, 2**70]) | st.integers()
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
ROWS = st.dictionaries(TEXTS, SCALARS, max_size=3)
DOCUMENTS = SCALARS | ROWS | st.lists(SCALARS | ROWS, max_size=3)
METHODS = ("get", "post", "put")


@cache
def description() -> dict[str, Any]:
    """The server's own description of itself."""
    with TemporaryDirectory() as folder, asking(make_settings(Path(folder))) as client:
        found: dict[str, Any] = client.get("/api/openapi.json").json()
        return found


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, described)
        for path, methods in sorted(description()["paths"].items())
        for method, described in sorted(methods.items())
        if method in METHODS
    ]


def body_of(method: str, described: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with what a body may hold by its description, and others."""
    content = described.get("requestBody", {}).get("content", {})
    found = content.get("application/json", {}).get("schema", {})
    if "$ref" in found:
        found = description()["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    names = sorted(found.get("properties", {}))
    if names:
        likely = st.dictionaries(st.sampled_from(names), DOCUMENTS, max_size=5)
        return st.fixed_dictionaries({"json": likely | DOCUMENTS})
    if method == "put":
        return st.fixed_dictionaries({"content": st.binary(max_size=20)})
    return st.just({})


def request_of(
    method: str, path: str, described: dict[str, Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Requests of one operation."""
    given_in: dict[str, dict[bool, dict[str, st.SearchStrategy[object]]]] = {
        place: {True: {}, False: {}} for place in ("path", "query", "header")
    }
    for one in described.get("parameters", ()):
        kind = NUMBERS if "integer" in json.dumps(one["schema"]) else TEXTS
        given_in[one["in"]][one.get("required", False)][one["name"]] = kind
    path_values = st.fixed_dictionaries(given_in["path"][True])
    query = st.fixed_dictionaries(given_in["query"][True], optional=given_in["query"][False])
    return st.fixed_dictionaries(
        {
            "method": st.just(method),
            "described": st.just(described),
            "url": path_values.map(lambda values: filled(path, values)),
            "params": query,
            "body": body_of(method, described),
        }
    )


def filled(path: str, values: dict[str, object]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path


def requests() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of([request_of(*operation) for operation in operations()])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=st.deferred(requests))
def test_no_request_that_is_described_is_a_fault_of_the_servers(
    client: TestClient, request: dict[str, Any]
) -> None:
    responses = request["described"]["responses"]
    answer = client.request(
        request["method"],
        request["url"],
        params=request["params"],
        headers=BEARER,
        **request["body"],
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code not in {404, 405, 307}:
        assert str(answer.status_code) in responses, answer.text


def test_every_answer_is_described() -> None:
    found = operations()
    assert len(found) >= 17
    for method, path, described in found:
        assert described["description"], path
        answer = described["responses"]["200"]
        assert method != "get" or path == "/metrics" or answer["content"], path
