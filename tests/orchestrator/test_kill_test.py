"""What `doctor --kill-test` shows, and what it refuses."""

from collections import Counter
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commands.kill_test import table, verdict
from orchestrator.kill_test.random_kills import Kill, KilledRun, Reference
from state.run_folder import RunFolder


def killed(*faults: str) -> KilledRun:
    kill = Kill(victim="controller", at_seconds=1.25, resumed_after_seconds=None, repeated_steps=3)
    return KilledRun(engine="inline", seed=0, kills=(kill,), num_orphans=0, differences=faults)


def test_the_table_has_a_line_for_each_kill_and_the_verdict_says_what_differs() -> None:
    shown = table([killed(), killed()])
    assert shown.row_count == 2
    assert [list(column.cells)[1] for column in shown.columns] == ["2", "1.2 s", "-", "3"]
    counted = {name: Counter(a=3) for name in ("metrics.jsonl", "metrics.db", "events.jsonl")}
    reference = Reference("inline", RunFolder(Path("base")), counted, 1.0, 9.0)
    assert verdict(reference, [killed()]).startswith("all equal: 3 steps, 3 rows of the store, 3")
    assert verdict(reference, [killed(), killed("metrics.db: 1 lines missing")]) == (
        "differs from the run that was left alone:\nmetrics.db: 1 lines missing"
    )


@pytest.mark.parametrize("number", ["0", "-1", "1001"])
def test_a_number_of_kills_out_of_range_is_refused(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", f"--kill-test={number}"]) == 2
    error = capsys.readouterr().err
    assert error == (
        f"symbio-auto: error: --kill-test {number}: give a number from 1 to 1000, such as 5\n"
    )
