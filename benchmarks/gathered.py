"""Results of runs by key: a file each while workers write them, a line each once gathered."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.kept_rows import Row
from benchmarks.recording import commit
from orchestrator.environment import environment
from state.durable import write_atomically


def read_files(folder: Path) -> dict[str, Row]:
    """By name, one result a file."""
    paths = sorted(folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def read_lines(path: Path) -> dict[str, Row]:
    """By key, one result a line behind the first, which tells of the machine."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return {row.pop("key"): row for row in rows}


def write_lines(path: Path, results: Mapping[str, Row]) -> None:
    """As `read_lines` reads it."""
    header = {"commit": commit(), "environment": environment(1)}
    lines = [json.dumps(header), *(json.dumps({"key": k, **one}) for k, one in results.items())]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
