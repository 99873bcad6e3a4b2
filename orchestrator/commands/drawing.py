"""Drawing the page of a run for whoever is at the command line."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from pydantic import JsonValue

from orchestrator.error_line import error_line
from state.progress import SILENT, Reporter
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from orchestrator.commits import Saved
    from orchestrator.report.finish import AnyReport
    from state.commit import CommitRecord

SWITCH = "SYMBIO_NO_FIGURES"
"""Environment variable: set, nothing is drawn."""


def is_wanted() -> bool:
    """Nobody has switched figures off."""
    return not os.environ.get(SWITCH)


def load_ahead(kind: str, data: Mapping[str, JsonValue]) -> None:
    """Listener of a run: load what draws while workers measure its result.

    That takes more than a second, in which this process would wait for them.
    """
    over = kind == "trained" or (kind == "gate" and data.get("phase") == "homeostasis")
    if over and is_wanted():
        Thread(target=_load, name="loading what draws").start()


def _load() -> None:
    # What is wrong with it is said where it is needed.
    with suppress(Exception):
        import_module("orchestrator.report.finish")
        import_module("orchestrator.report.page.draw")


def draw_after(folder: RunFolder, *, quiet: bool, progress: Reporter = SILENT) -> None:
    """Draw a run that has just ended, and say where. Whatever goes wrong is a line: the run and
    its report are done.
    """
    if not is_wanted():
        return
    from orchestrator.commits import restore
    from orchestrator.report.finish import report_of
    from state.commit import load_commit

    record = load_commit(folder, verify_objects=False).record
    saved = restore(record)
    problem = draw_run(folder, record, saved, report_of(folder, saved), progress)
    if problem:
        complain(problem)
    elif not quiet:
        print(f"page    {folder.page}")


def draw_run(
    folder: RunFolder,
    record: "CommitRecord",
    saved: "Saved",
    report: "AnyReport | None",
    progress: Reporter = SILENT,
) -> str:
    """Draw it; why there is no page, or nothing. A figure that cannot be drawn is a line on the
    error stream.
    """
    try:
        with progress.work("drawing the page"):
            # Matplotlib takes a second to load; nothing but a page needs it.
            from orchestrator.report.page.draw import draw

            drawn = draw(folder, record, saved, report, progress)
    except Exception as error:  # noqa: BLE001 - a view must not cost the run its exit code
        return f"the page could not be drawn: {str(error) or type(error).__name__}"
    for problem in drawn.problems:
        complain(problem)
    return ""


def complain(problem: str) -> None:
    """A line on the error stream."""
    print(error_line(f"symbio-auto: {problem}"), file=sys.stderr)
