"""`symbio-auto report RUN`: write the report and its page again and show the story.

Of a run that is not finished it draws the page as far as the run has come.
"""

import argparse
import sys

from orchestrator.commands.drawing import complain, draw_run, is_wanted
from orchestrator.commands.kept import not_kept
from orchestrator.commands.progress_shown import sinks_of
from orchestrator.commits import Saved, restore
from orchestrator.report.finish import finish, markdown, report_json, report_of
from state.commit import CommitRecord, load_commit
from state.progress import Reporter
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Print the report; the page's place goes to the error stream, out of the way of a pipe."""
    folder = RunFolder.from_argument(arguments.run)
    record = load_commit(folder).record
    saved = restore(record)
    progress = Reporter(*sinks_of(arguments))
    if saved.run.final is None and is_wanted():
        return _so_far(folder, record, saved, progress, as_json=arguments.json)
    with progress.work("writing the report"):
        try:
            report, is_kept = finish(folder, saved), True
        except OSError as error:
            not_kept("the report", error)
            report, is_kept = report_of(folder, saved), False
    print(report_json(report, indent=2) if arguments.json else markdown(report), flush=True)
    if is_kept and is_wanted():
        problem = draw_run(folder, record, saved, report, progress)
        complain(problem) if problem else print(f"page    {folder.page}", file=sys.stderr)
    return 0


def _so_far(
    folder: RunFolder, record: CommitRecord, saved: Saved, progress: Reporter, *, as_json: bool
) -> int:
    """The page of a run that goes on, or was left.

    Raises:
        ValueError: it cannot be drawn, or JSON was asked for and there is no final report.
    """
    from orchestrator.report.interim import standing

    where = f"run {saved.run.run_id} is not finished ({standing(saved)})"
    if as_json:
        raise ValueError(
            f"{where} and has no final report; resume it, or look at it with symbio-auto status"
        )
    problem = draw_run(folder, record, saved, None, progress)
    if problem:
        raise ValueError(f"{where} and {problem}; resume it, or look at it with symbio-auto status")
    print(f"{where}; its page shows how far it has come")
    print(f"page    {folder.page}")
    return 0
