"""The grammar of `compare` and `diagnose`."""

import argparse
from pathlib import Path
from typing import TypeVar

ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)


def add_analysis_commands(commands: "argparse._SubParsersAction[ParserT]") -> None:
    """Add both."""
    _add_compare(commands)
    _add_diagnose(commands)


def _add_compare(commands: "argparse._SubParsersAction[ParserT]") -> None:
    compare = commands.add_parser("compare", help="runs side by side, and which is better")
    compare.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="folders or state.json of two or more runs",
    )
    compare.add_argument("--all", action="store_true", help="show what is the same in all runs too")
    compare.add_argument(
        "--measure",
        action="store_true",
        help="take the losses of the search split again, in pairs for any two tokenizers",
    )
    compare.add_argument("--json", action="store_true")


def _add_diagnose(commands: "argparse._SubParsersAction[ParserT]") -> None:
    diagnose = commands.add_parser("diagnose", help="what the best model does inside, measured")
    diagnose.add_argument("run", type=Path, metavar="RUN", help="a run's folder or state.json")
    diagnose.add_argument("--quick", action="store_true", help="a quarter of the text")
    diagnose.add_argument("--json", action="store_true")
