"""Events as lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from dashboard.terminal.event_lines import plain_line
from state.store_rows import StoredEvent

GENERATION: dict[str, JsonValue] = {
    "phase": "cambrian",
    "generation": 7,
    "best_bits_per_byte": 2.10342,
    "accepted": 2,
    "challengers": 9,
    "decision": "continue",
}
LINE = "cambrian generation 7: best 2.1034 bpb, 2 of 9 challengers accepted, continue"


def test_a_generation_reads_as_a_sentence() -> None:
    assert plain_line(StoredEvent(index=3, kind="generation", data=GENERATION)) == LINE


def test_a_row_of_the_journal_reads_like_the_stored_event() -> None:
    assert plain_line({"kind": "generation", "at": "2026-01-01", **GENERATION}) == LINE
    assert plain_line({"kind": "generation", "data": dict(GENERATION)}) == LINE


@pytest.mark.parametrize("kind", ["something_new", "gate"])
def test_an_event_that_is_not_known_lists_its_facts(kind: str) -> None:
    line = plain_line({"kind": kind, "number": 2.5, "nothing": None})
    assert line == f"{kind}: number=2.5 nothing=-"


def test_an_event_without_facts_is_its_kind() -> None:
    assert plain_line({"kind": "resumed"}) == "resumed"


@given(st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.none()))
def test_every_event_is_one_line_without_control_characters(
    kind: str, data: dict[str, JsonValue]
) -> None:
    line = plain_line({"kind": kind, "data": data})
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_braces_in_a_fact_are_text() -> None:
    event: dict[str, JsonValue] = {"kind": "control_started", "name": "{0.__class__}", "steps": 4}
    assert plain_line(event) == "control {0.__class__} begins with 4 steps"


def test_a_chunk_that_was_not_measured_says_nothing_of_the_search_split() -> None:
    facts: dict[str, JsonValue] = {"step": 75, "train_loss": 2.5, "tokens_per_sec": 3000}
    assert plain_line({"kind": "trained", **facts}) == "step 75: training loss 2.5, 3000 tokens/s"
    measured = plain_line({"kind": "trained", "bits_per_byte": 3.25, **facts})
    assert measured == "step 75: training loss 2.5, 3.25 bpb on the search split, 3000 tokens/s"


def test_a_run_without_a_test_split_ends_on_the_search_split() -> None:
    facts: dict[str, JsonValue] = {"formula": "gelu(x)", "order2": 2.9, "untrained": 8.0}
    line = plain_line({"kind": "finished", "search_bits_per_byte": 2.5, **facts})
    assert line.startswith("finished: 2.5 bpb on the search split with gelu(x)")
    line = plain_line({"kind": "finished", "test_bits_per_byte": 2.5, **facts})
    assert line.startswith("finished: 2.5 bpb on the test split with gelu(x)")


def test_a_note_stands_in_brackets_and_none_leaves_nothing() -> None:
    facts: dict[str, JsonValue] = {"phase": "cambrian", "steps": 96, "purpose": "refine"}
    begun = plain_line({"kind": "phase_started", "note": "", **facts})
    assert begun == "cambrian begins with 96 steps: refine"
    noted = plain_line({"kind": "phase_started", "note": "population 12 -> 5", **facts})
    assert noted == "cambrian begins with 96 steps: refine (population 12 -> 5)"


def test_slowness_is_told_with_its_numbers() -> None:
    facts: dict[str, JsonValue] = {"phase": "cambrian", "generation": 7}
    late: dict[str, JsonValue] = {"elapsed_seconds": 201.0, "planned_seconds": 100.0, "steps": 400}
    assert plain_line({"kind": "phase_slow", "planned_steps": 1000, **late, **facts}) == (
        "cambrian is slow: 201 s for 400 of its 1000 steps, at the pace before it all of them take "
        "100 s"
    )
    speed: dict[str, JsonValue] = {"tokens_per_sec": 2600, "usual_tokens_per_sec": 7000}
    members: dict[str, JsonValue] = {"alarmed": 3, "members": 4}
    assert plain_line({"kind": "throughput_collapse", **facts, **speed, **members}) == (
        "cambrian generation 7: throughput has collapsed, 3 of 4 members alarm at 2600 tokens/s, "
        "7000 were usual"
    )
    assert plain_line({"kind": "throughput_recovered", **facts, **speed, **members}) == (
        "cambrian generation 7: throughput has recovered to 2600 tokens/s"
    )
