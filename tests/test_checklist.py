"""The checklists name tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHASES = {
    "checklist-train.md": {"Phase 1": 8, "Phase 2": 6},
    "checklist-web.md": {"Phase 3": 7, "Phase 4": 7, "Phase 5": 6},
    "checklist-gcp.md": {
        "The machine": 10,
        "The far side": 8,
        "The cluster": 7,
        "What goes wrong": 8,
    },
    "checklist-gates.md": {"The gates": 16, "The diagnosis": 8},
}
"""Lines of each section; silu, relu and swiglu share one."""
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in PHASES}
NAMED = sorted(
    {found for page in PAGES.values() for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)}
)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_reference_is_one_that_is_checked(page: str) -> None:
    text = PAGES[page]
    assert len(re.findall(r"`tests/[\w/]+\.py::\w+`", text)) == text.count("::") > 20


@pytest.mark.parametrize(
    ("page", "title", "count"),
    [(page, title, count) for page, own in PHASES.items() for title, count in own.items()],
)
def test_every_line_names_a_test(page: str, title: str, count: int) -> None:
    section = PAGES[page].split(f"## {title}")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == count
    assert all("::test_" in row for row in rows)
