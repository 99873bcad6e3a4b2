"""`symbio-auto report RUN`: write final-report.json and report.md again and show the story."""

import argparse

from orchestrator.commits import restore
from orchestrator.report.finish import finish, markdown, report_json
from state.commit import load_commit
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    folder = RunFolder.from_argument(arguments.run)
    report = finish(folder, restore(load_commit(folder).record))
    print(report_json(report, indent=2) if arguments.json else markdown(report))
    return 0
