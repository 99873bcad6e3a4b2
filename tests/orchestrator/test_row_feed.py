"""Every row and every event is passed on once, in the order in which they were written."""

import json
from pathlib import Path

from pydantic import JsonValue

from orchestrator.row_feed import RowFeed


def test_rows_come_before_the_event_that_tells_of_them_and_half_lines_wait(tmp_path: Path) -> None:
    told: list[JsonValue] = []
    path = tmp_path / "metrics.jsonl"
    old = '{"step":1}\n'
    path.write_text(old, encoding="utf-8")
    feed = RowFeed(
        path,
        len(old),
        lambda rows: told.extend(row["step"] for row in rows),
        lambda kind, data: told.append(f"{kind} {json.dumps(dict(data))}"),
    )
    feed.hear("resumed", {})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step":2}\nno json\n{"step":3}\n{"st')
        file.flush()
        feed.hear("trained", {"step": 3})
        file.write('ep":4}\n')
    feed.hear("finished", {})
    assert told == ["resumed {}", 2, 3, 'trained {"step": 3}', 4, "finished {}"]


def test_a_run_without_a_step_has_no_rows(tmp_path: Path) -> None:
    told: list[str] = []
    feed = RowFeed(
        tmp_path / "metrics.jsonl", 0, lambda _rows: None, lambda kind, _data: told.append(kind)
    )
    feed.hear("started", {})
    assert told == ["started"]
