"""`symbio-auto doctor --kill-test`: the promise of exact resumption, tried on this machine."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from orchestrator.kill_test import forked
from orchestrator.kill_test.random_kills import (
    KilledRun,
    Reference,
    Tell,
    killed_runs,
    uninterrupted,
)
from orchestrator.kill_test.small_run import Scratch

MOST_KILLS = 1000


def run(arguments: argparse.Namespace) -> int:
    """Kill, resume, compare and tell; exit code 1 when anything differs.

    Raises:
        ValueError: the number of kills is out of range.
    """
    kills: int = arguments.kill_test
    if not 1 <= kills <= MOST_KILLS:
        raise ValueError(f"--kill-test {kills}: give a number from 1 to {MOST_KILLS}, such as 5")
    with (
        tempfile.TemporaryDirectory(prefix="symbio-auto-kill-test-") as temporary,
        _progress(kills, visible=not arguments.json) as tell,
    ):
        reference, runs = _tried(Scratch(Path(temporary)), kills, tell)
    equal = not any(one.differences for one in runs)
    if arguments.json:
        document = {"equal": equal, "runs": [one.model_dump(mode="json") for one in runs]}
        print(json.dumps(document))
    else:
        console = Console()
        console.print(table(runs))
        console.print(verdict(reference, runs), markup=False, highlight=False)
    return 0 if equal else 1


def table(runs: list[KilledRun]) -> Table:
    """One line a kill."""
    found = Table("kill", "when", "resumed after", "repeated steps")
    for column in found.columns[1:]:
        column.justify = "right"
    kills = [kill for one in runs for kill in one.kills]
    for number, kill in enumerate(kills, start=1):
        resumed = kill.resumed_after_seconds
        found.add_row(
            f"{number}",
            f"{kill.at_seconds:.1f} s",
            "-" if resumed is None else f"{resumed:.1f} s",
            f"{kill.repeated_steps}",
        )
    return found


def verdict(reference: Reference, runs: list[KilledRun]) -> str:
    """Whether all is equal, and to what; else what is not."""
    faults = [line for one in runs for line in one.differences]
    if faults:
        return "\n".join(["differs from the run that was left alone:", *faults])
    lines = {name: found.total() for name, found in reference.expected.items()}
    return (
        f"all equal: {lines['metrics.jsonl']} steps, {lines['metrics.db']} rows of the store, "
        f"{lines['events.jsonl']} events, {len(lines)} files, down to the bits of the weights"
    )


def _tried(scratch: Scratch, kills: int, tell: Tell) -> tuple[Reference, list[KilledRun]]:
    forked.load()
    tell("a run that is left alone")
    reference = uninterrupted(scratch, "inline")
    tell("the same run, to be killed")
    return reference, killed_runs(scratch, reference, kills=kills, tell=tell)


@contextmanager
def _progress(kills: int, *, visible: bool) -> Iterator[Tell]:
    """A bar that is drawn when something happens: a thread would not go well with fork."""
    times = (TimeElapsedColumn(), TextColumn("about"), TimeRemainingColumn(), TextColumn("left"))
    columns = (BarColumn(), TextColumn("{task.description}"), *times)
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, auto_refresh=False, transient=True, disable=not visible
    ) as progress:
        task = progress.add_task("loading", total=kills + 3)
        progress.refresh()

        def tell(text: str) -> None:
            progress.update(task, advance=1, description=text, refresh=True)

        yield tell
        tell("compared")
