"""`symbio-auto help [COMMAND]`: the same page as `--help`."""

import argparse

from orchestrator.grammar import build_parser
from orchestrator.one_line_parser import commands_of


def run(arguments: argparse.Namespace) -> int:
    """Print the page."""
    parser = build_parser()
    page = commands_of(parser)[arguments.topic] if arguments.topic else parser
    print(page.format_help(), end="")
    return 0
