"""In place of the interpreter on a far machine: a run that takes steps and commits, and nothing
else. It is called as `PYTHON -P -m orchestrator.cli WORDS`.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

BUDGET = 40


def main() -> int:
    """Take the steps that are left."""
    words = [word.partition("=") for word in sys.argv[4:]]
    flags = {name: value for name, _, value in words if value}
    spaced = dict(zip(sys.argv[4:], sys.argv[5:], strict=False))
    run = Path(flags.get("--run-dir") or flags.get("--resume") or spaced["--resume"])
    run.mkdir(parents=True, exist_ok=True)
    state = run / "state.json"
    spent = json.loads(state.read_bytes())["summary"]["spent"] if state.exists() else 0
    word = "resumed" if spent else "started"
    sys.stdout.write(f"{word} at step {spent} as {os.environ['SYMBIO_SEED']}\n")
    sys.stdout.flush()
    ended: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    until = BUDGET if spent else BUDGET // 2
    while spent < BUDGET and not ended:
        time.sleep(0.02)
        # The first start waits half way for what happens to its machine.
        if spent < until:
            spent += 1
            commit(state, spent)
    (run / "report.md").write_text(f"# {spent} steps\n", encoding="utf-8")
    return 128 + ended[0] if ended else 0


def commit(state: Path, spent: int) -> None:
    """As far as the supervisor and the transfer look at it."""
    summary = {"phase": "cambrian", "spent": spent, "budget": BUDGET}
    record = {"run_id": "stub", "generation": spent, "journal_bytes": {}, "summary": summary}
    record["sha256"] = hashlib.sha256(str(spent).encode()).hexdigest()
    part = state.with_name("part")
    part.write_text(json.dumps(record), encoding="utf-8")
    part.replace(state)


if __name__ == "__main__":
    sys.exit(main())
