"""The checklist of `train` names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "checklist-train.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
PHASES = {"Phase 1": 8, "Phase 2": 6, "Phase 3": 7}
"""Lines of each phase; silu, relu and swiglu share one."""


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_reference_is_one_that_is_checked() -> None:
    assert len(re.findall(r"`tests/[\w/]+\.py::\w+`", PAGE)) == PAGE.count("::") > 30


def test_every_line_names_a_test() -> None:
    for title, count in PHASES.items():
        section = PAGE.split(f"## {title}")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
        assert len(rows) == count
        assert all("::test_" in row for row in rows)
