"""Rows of a benchmark that takes hours, a line of JSON each: it goes on where it was stopped."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

Row = dict[str, JsonValue]


class KeptRows:
    """A file of lines. A line that a kill cut off is no row, and is made again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, key: Mapping[str, JsonValue]) -> Row | None:
        """The last row that says everything that `key` says."""
        found = [row for row in self.rows() if all(row.get(name) == key[name] for name in key)]
        return found[-1] if found else None

    def add(self, row: Mapping[str, JsonValue]) -> None:
        """Write the row as a line of its own, whatever a kill left before it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut_off = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut_off + json.dumps(row) + "\n")

    def rows(self) -> list[Row]:
        """Those that are whole, oldest first."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [row for line in lines if (row := _whole(line)) is not None]


def _whole(line: str) -> Row | None:
    try:
        row: JsonValue = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None
