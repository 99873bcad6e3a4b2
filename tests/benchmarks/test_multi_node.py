"""What was recorded of runs over several nodes, and the page that shows it."""

import json
from pathlib import Path

from benchmarks.recording import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "design" / "deploy.md"


def test_runs_over_nodes_have_the_bits_of_one_process_and_the_page_shows_their_times() -> None:
    recorded = json.loads((RESULTS / "multi-node.json").read_text(encoding="utf-8"))["rows"]
    assert [row["where"] for row in recorded][-3:] == ["1 node", "2 nodes", "3 nodes"]
    assert all(row["equal"] for row in recorded)
    text = PAGE.read_text(encoding="utf-8")
    for row in recorded:
        times = f"{row['seconds']:.1f} | {row['training_seconds']:.1f} | {row['brought_mb']:.1f}"
        assert f"| {row['where']} | {row['members_at_once']} | {times} | the same |" in text
