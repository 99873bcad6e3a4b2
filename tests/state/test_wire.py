"""Messages: what they say, what is made fit, and what is refused in one line."""

import json
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state import schema, wire
from state.records import Decision, MemberRecord, StepMetrics
from state.store_rows import decision_row, member_row, step_row
from state.wire import BadMessage, Forget, Heartbeat, Rows, parse
from tests.builders import GELU


def rows_of(document: object) -> list[dict[str, object]]:
    (message,) = parse(document)
    assert isinstance(message, Rows)
    return list(message.rows)


def refusal(document: object) -> str:
    with pytest.raises(BadMessage) as refused:
        parse(document)
    text = str(refused.value)
    assert "\n" not in text
    return text


def metrics(**row: object) -> dict[str, object]:
    return {"type": "metrics", "run_id": "r", "rows": [{"step": 1, **row}]}


def test_rows_of_the_store_travel_unchanged() -> None:
    decision = Decision(phase="cambrian", generation=2, kind="advance", reason="done")
    member = MemberRecord(
        member_id="a", phase="cambrian", generation=2, lineage=0, role="champion", genome=GELU
    )
    step = StepMetrics(
        phase="cambrian", generation=2, member_id="a", step=5, loss=None, learning_rate=1e-3,
        grad_norm=0.1, clip_coef=1, clip_pct=0, skipped=True, tokens_per_sec=10, ms_per_step=1,
    )  # fmt: skip
    sent = {
        "runs": {"run_id": "r", "status": "active", "symbio": 1, "lr": 0.1},
        "decisions": decision_row("r", 3, decision),
        "members": member_row("r", member, "f"),
        "metrics": step_row("r", step),
    }
    messages = [wire.rows(table, "r", [row]) for table, row in sent.items()]  # type: ignore[list-item]
    document = json.loads(json.dumps(wire.batch(messages)))
    found = {message.table.name: message.rows for message in parse(document)}  # type: ignore[union-attr]
    assert found == {table: [row] for table, row in sent.items()}


def test_the_original_reporter_is_understood() -> None:
    document = {
        "type": "metrics",
        "runId": "20260223_171025",
        "metrics": [{"step": 7, "loss": 4.5, "valLoss": 4.75, "gradNorm": 2, "clip_coef": 0.5}],
    }
    assert rows_of(document) == [
        {
            "run_id": "20260223_171025", "generation": 0, "member": "run", "phase": "training",
            "step": 7, "loss": 4.5, "val_loss": 4.75, "grad_norm": 2.0, "clip_coef": 0.5,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {"type": "run", "run_id": "r", "run": {"nLayer": 6, "symbio": True, "trainConfig": {}}},
        {"type": "run", "run": {"runId": "r", "n_layer": 6, "symbio": 1, "train_config": "{}"}},
        {"type": "runs", "run_id": "r", "n_layer": 6.0, "symbio": 1, "train_config": {}},
    ],
)
def test_a_run_is_announced_in_several_ways(document: object) -> None:
    assert rows_of(document) == [{"run_id": "r", "n_layer": 6, "symbio": 1, "train_config": "{}"}]


def test_samples_are_numbered_where_their_sender_does_not() -> None:
    one = {"prompt": "a", "temperature": 1, "text": "b", "ended": False, "step": 5}
    found = rows_of({"type": "samples", "run_id": "r", "samples": [one, one]})
    assert [(row["idx"], row["phase"]) for row in found] == [(0, "training"), (1, "training")]


def test_forgetting_and_a_heartbeat() -> None:
    assert parse(wire.forget("r", 3, 4)) == (Forget("r", 3, 4),)
    assert parse({"type": "forget", "runId": "r", "generation": -1}) == (Forget("r", -1),)
    assert parse(wire.heartbeat("r")) == (Heartbeat("r"),)
    assert "generation takes a whole number" in refusal({"type": "forget", "run_id": "r"})


def test_what_no_database_takes_is_made_fit() -> None:
    (row,) = rows_of(
        metrics(loss=nan, lr=inf, grad_norm=10**400, cusum_alerts=nan, batch_change_reason="a\0b")
    )
    assert (row["loss"], row["lr"], row["grad_norm"], row["cusum_alerts"]) == (None,) * 4
    assert row["batch_change_reason"] == "a\ufffdb"
    data = {"x\0": [nan, "\ud800", {"\udc00": 1}]}
    message = {"type": "events", "run_id": "r", "rows": [{"idx": 0, "kind": "k", "data": data}]}
    (event,) = rows_of(message)
    assert event["data"] == {"x\ufffd": [None, "\ufffd", {"\ufffd": 1}]}


def test_unknown_columns_are_left_out() -> None:
    (row,) = rows_of(metrics(loss=1, invented=2, **{"step; DROP TABLE runs": 3}))
    assert set(row) == {"run_id", "step", "generation", "member", "phase", "loss"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "a message is a JSON object"),
        ({"type": "nothing", "run_id": "r"}, "type 'nothing' is unknown; it is one of"),
        ({"type": "checkpoints", "run_id": "r", "rows": []}, "is unknown"),
        ({"type": "batch", "messages": {}}, "a batch has a list"),
        ({"type": "batch", "messages": [{"type": "batch", "messages": []}]}, "is unknown"),
        ({"type": "metrics", "rows": []}, "run_id takes a text"),
        ({"type": "metrics", "run_id": "../x", "rows": []}, "without slashes"),
        ({"type": "metrics", "run_id": "..", "rows": []}, "run_id takes"),
        ({"type": "metrics", "run_id": "a\nb", "rows": []}, "run_id takes"),
        ({"type": "metrics", "run_id": "x" * 201, "rows": []}, "1 to 200"),
        ({"type": "metrics", "run_id": "r"}, "has a list `rows`"),
        ({"type": "metrics", "run_id": "r", "rows": [1]}, "a row of metrics is a JSON object"),
        (metrics(step="1"), "metrics, row 0: step takes a whole number"),
        (metrics(step=2**31), "step takes a whole number from -1"),
        (metrics(step=True), "step takes a whole number"),
        (metrics(loss="3"), "loss takes a number"),
        (metrics(loss=True), "loss takes a number"),
        (metrics(cusum_alerts=1.5), "cusum_alerts takes a whole number"),
        (metrics(cusum_alerts=2**63), "64 bits"),
        (metrics(skipped="no"), "skipped takes true or false"),
        (metrics(skipped=[]), "skipped takes true or false"),
        (metrics(skipped={}), "skipped takes true or false"),
        (metrics(loss=[]), "loss takes a number"),
        (metrics(cusum_alerts={}), "cusum_alerts takes a whole number"),
        (metrics(batch_change_reason=1), "batch_change_reason takes a text"),
        (metrics(phase="chaos"), "phase takes one of"),
        (metrics(member=""), "member takes a text of 1 to 200"),
        ({"type": "events", "run_id": "r", "rows": [{"kind": "x"}]}, "idx is missing"),
        (
            {"type": "decisions", "run_id": "r", "rows": [{"idx": 1, "kind": "x"}]},
            "decisions, row 0: ",
        ),
        ({"type": "ledger", "run_id": "r", "rows": [{"ledger": {"budget": 0}}]}, "ledger, row 0"),
    ],
)
def test_refusals_say_what_holds(document: object, said: str) -> None:
    assert said in refusal(document)


def test_documents_have_a_depth() -> None:
    deep: object = []
    for _ in range(40):
        deep = [deep]
    row = {"idx": 0, "kind": "k", "data": {"x": deep}}
    assert "at most 32 levels" in refusal({"type": "events", "run_id": "r", "rows": [row]})


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted({name for table in wire.TABLES.values() for name in table.columns.keys()})  # noqa: SIM118
MESSAGES = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*wire.TABLES, "run", "forget", "heartbeat"]),
        "run_id": st.sampled_from(["r", "é 😀"]) | JSON,
    },
    optional={
        "rows": st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=12), max_size=3)
    },
)
BATCHES = st.fixed_dictionaries(
    {"type": st.just("batch"), "messages": st.lists(MESSAGES, max_size=3)}
)


@settings(max_examples=80, deadline=None)
@given(document=JSON | MESSAGES | BATCHES)
def test_a_message_is_understood_or_refused_and_nothing_else(document: object) -> None:
    try:
        messages = parse(document)
    except BadMessage:
        return
    for message in messages:
        assert message.run_id
        if isinstance(message, Rows):
            keys = [column.name for column in message.table.primary_key]
            assert all(row[name] is not None for row in message.rows for name in keys)


def test_the_server_keeps_its_own_notes_to_itself() -> None:
    assert {schema.CHECKPOINTS.name, schema.REPORTS.name}.isdisjoint(wire.TABLES)
