"""`symbio-auto gcp ssh`: a shell on the machine."""

import argparse

from orchestrator.commands.gcp.far import running
from orchestrator.commands.gcp.place import place_of


def run(arguments: argparse.Namespace) -> int:
    """The user's own ssh; its exit code."""
    _, session = running(place_of(arguments))
    with session as far:
        return far.shell()
