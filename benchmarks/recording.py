"""Results that can be compared later: figures with machine, versions and commit."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from orchestrator.environment import environment

RESULTS = Path(__file__).parent / "results"


def write_result(name: str, figures: dict[str, JsonValue]) -> Path:
    """Write results/NAME.json and return its path."""
    record = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "environment": environment(1),
        **figures,
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def commit() -> str:
    """The state of the sources, as git describes it."""
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "unknown"
