"""`symbio-auto gcp logs`: what the run prints."""

import argparse

from orchestrator.commands.gcp.far import running
from orchestrator.commands.gcp.place import place_of


def run(arguments: argparse.Namespace) -> int:
    """Print the lines; with --follow until the run has ended."""
    _, session = running(place_of(arguments))
    with session as far:
        for line in far.logs(arguments.follow):
            print(line.rstrip("\n"), flush=True)
    return 0
