"""The main job: start a run or resume one, show it, and hand its results over."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from orchestrator.closed_pipe import print_nowhere
from orchestrator.commands.drawing import draw_after, load_ahead
from orchestrator.commands.new_run import prepared_beside
from orchestrator.commands.progress_shown import Lines, following, run_sinks
from orchestrator.commands.reporting import reported, wanted_of
from orchestrator.early_workers import Start, early_workers
from orchestrator.flags import given_waivers, settings_of
from orchestrator.run_process import let_go_on, process_of, resume_line
from orchestrator.settings import Settings, build_config
from state.pasted import pasted
from state.progress import ProgressFile, Reporter
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from dashboard.terminal.live import LiveView
    from dashboard.trackers.protocol import Tracker
    from orchestrator.preparation import Prepared
    from orchestrator.recorder import EventListener
    from orchestrator.session import Finished

CHANGEABLE = frozenset({"engine", "workers", "device", "host_devices", "ray_address"})
"""Settings of the engine with which a run may go on elsewhere."""
EXIT_INTERRUPTED = 130
"""Ctrl-C: somebody sits there and may wait for a moment, or press it again."""


def run(arguments: argparse.Namespace, started_at: float) -> int:
    """Start or resume; returns the exit code."""
    # What nobody can be told with is refused before anything is written.
    wanted_of(arguments)
    if arguments.resume:
        return go_on(arguments, settings_of(arguments), started_at)
    with early_workers() as start:
        return see_through(_new_run(arguments, start), arguments, started_at)


def go_on(arguments: argparse.Namespace, given: Settings, started_at: float) -> int:
    """Resume the run of `--resume`; `given` is what was asked of it besides."""
    if not given and _woken(arguments.resume):
        return 0
    with early_workers() as start:
        return see_through(_resume(arguments, given, start), arguments, started_at)


def see_through(prepared: "Prepared", arguments: argparse.Namespace, started_at: float) -> int:
    """Run what was made ready and hand its results over; returns the exit code."""
    if prepared.saved.run.status == "finished":
        return _already_finished(prepared)
    if not arguments.json:
        for line in (f"run folder {prepared.folder.root}", *prepared.notes):
            print(line)
    if process_of(prepared.folder) is None:
        # The view begins before the lock is taken, and must not show what a kill has left.
        ProgressFile(prepared.folder.progress).remove()
    with reported(prepared.folder, arguments) as leaving:
        try:
            finished = _execute(prepared, arguments, started_at)
        finally:
            if not arguments.json:
                _print_if_heard(resume_line(prepared.folder))
        progress = Reporter(*run_sinks(arguments))
        code = _hand_over(finished, progress, as_json=arguments.json)
        leaving.in_a_hurry = code not in {0, EXIT_INTERRUPTED}
        return code


def resume(arguments: argparse.Namespace) -> int:
    """`symbio-auto resume RUN`: the same as `symbio-auto --resume RUN`."""
    arguments.resume = arguments.run
    return run(arguments, time.monotonic())


def _execute(prepared: "Prepared", arguments: argparse.Namespace, started_at: float) -> "Finished":
    """See the run through, with whatever shows it."""
    from orchestrator.session import execute

    with _followed(prepared, arguments) as others:
        if arguments.json:
            # Ray writes to the standard output when it dies; only the report belongs there.
            with redirect_stdout(sys.stderr):
                return execute(prepared, listeners=others, started_at=started_at)
        if arguments.plain or not is_terminal():
            listeners = (print_event, *others)
            with following(ProgressFile(prepared.folder.progress), Lines()):
                return execute(prepared, listeners=listeners, started_at=started_at)
        with Screen(prepared.folder) as screen:
            listeners = (screen.hear, *others)
            return execute(prepared, listeners=listeners, started_at=started_at)


@contextmanager
def _followed(
    prepared: "Prepared", arguments: argparse.Namespace
) -> Iterator[tuple["EventListener", ...]]:
    """What listens besides: trackers that were asked for, which are closed at the end."""
    trackers = trackers_of(arguments, prepared.folder)
    if not trackers:
        yield (load_ahead,)
        return
    from dashboard.trackers.follow import Followers
    from orchestrator.row_feed import RowFeed

    followers = Followers(trackers, lambda text: print(text, file=sys.stderr))
    saved, commit = prepared.saved, prepared.commit
    followers.start(saved.run.run_id, saved.config.model_dump(mode="json"))
    metrics = prepared.folder.metrics_jsonl
    position = commit.journal_bytes.get(metrics.name, 0) if commit else 0
    try:
        yield load_ahead, RowFeed(metrics, position, followers.rows, followers.event).hear
    finally:
        followers.close()


def trackers_of(arguments: argparse.Namespace, folder: RunFolder) -> list["Tracker"]:
    """What else shows the run; writes nothing yet.

    Raises:
        ValueError: the package of one is missing, or its environment variable is wrong.
    """
    from dashboard.trackers.choice import NAMES, chosen

    return chosen([name for name in NAMES if getattr(arguments, name, False)], folder.root)


def _print_if_heard(line: str) -> None:
    """To a terminal or a pipe, which may be gone by now; then nothing is printed from here on."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        print_nowhere()


def _woken(path: Path) -> bool:
    """The run was paused in another process, which now goes on."""
    folder = RunFolder.from_argument(path)
    process = process_of(folder)
    if process is None or not process.paused:
        return False
    let_go_on(folder, process)
    print(f"run {folder.root} goes on in process {process.pid}, where it was paused")
    print(f"watch with: symbio-auto watch {pasted(folder.root)}")
    return True


def _new_run(arguments: argparse.Namespace, start: Start) -> "Prepared":
    config = build_config(settings_of(arguments), config_file=arguments.config)
    return prepared_beside(config, Path(config.run_dir), arguments, start)


def _resume(arguments: argparse.Namespace, given: Settings, start: Start) -> "Prepared":
    from orchestrator.preparation import prepare_resume

    given = dict(given)
    budget = given.pop("budget", None)
    engine = given.pop("engine", {})
    assert isinstance(engine, dict)
    waive = given_waivers(given)
    others = [*given, *(name for name in engine if name not in CHANGEABLE)]
    if others or arguments.config:
        name = others[0] if others else "config"
        raise ValueError(
            f"--resume keeps the run's settings and cannot change {name}; only --budget, --engine, "
            "--workers, --device, --host-devices, --ray-address and --waive may be given with it"
        )
    with Reporter(*run_sinks(arguments)).work("checking the run's files"):
        return prepare_resume(
            arguments.resume,
            budget=budget if isinstance(budget, int) else None,
            engine=engine,
            waive=waive,
            start=start,
        )


def _hand_over(finished: "Finished", progress: Reporter, *, as_json: bool) -> int:
    from orchestrator.commits import restore
    from orchestrator.report.finish import finish, headline, report_json
    from state.commit import load_commit

    if finished.state.status != "finished":
        if as_json:
            print(json.dumps({"status": "stopped", "run": str(finished.folder.root)}))
        return finished.exit_code
    saved = restore(load_commit(finished.folder, verify_objects=False).record)
    with progress.work("writing the report"):
        report = finish(finished.folder, saved)
    if as_json:
        print(report_json(report), flush=True)
        draw_after(finished.folder, quiet=True)
        return 0
    _show(headline(report))
    print(f"model   {finished.folder.model}")
    print(f"report  {finished.folder.report_markdown}")
    draw_after(finished.folder, quiet=False, progress=progress)
    return 0


def _show(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def _already_finished(prepared: "Prepared") -> int:
    from orchestrator.session import complete

    complete(prepared)
    spent = prepared.saved.run.ledger.budget
    print(f"run {prepared.saved.run.run_id} is finished, {spent} steps spent")
    print(f"report  {prepared.folder.report_markdown}")
    draw_after(prepared.folder, quiet=False)
    state = pasted(prepared.folder.state)
    print(f"extend it with: symbio-auto --resume {state} --budget {2 * spent}")
    return 0


def is_terminal() -> bool:
    """Whether there is somebody to show a live view to."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


class Screen:
    """The live view of a run, out of the way while the run is paused."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._view: LiveView | None = None

    def __enter__(self) -> "Screen":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def hear(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Follow the run into a pause and out of it."""
        match kind:
            case "paused":
                self._stop()
                print_event(kind, data)
            case "went_on":
                self._start()
            case _:
                pass

    def _start(self) -> None:
        from dashboard.terminal.live import LiveView

        self._view = LiveView(self._folder.root)
        self._view.start()

    def _stop(self) -> None:
        if self._view is not None:
            self._view.stop()


def print_event(kind: str, data: Mapping[str, JsonValue]) -> None:
    """One line."""
    from dashboard.terminal.event_lines import plain_line

    print(plain_line({"kind": kind, **data}), flush=True)
