"""The grammar of `compare`, `diagnose` and `serve`."""

import argparse
from pathlib import Path
from typing import TypeVar

from orchestrator.flags import whole

SERVE_DESCRIPTION = """\
Pages and a read API over many runs, in a browser on this machine or elsewhere.
Shown are the runs in folders, and those that report here from other machines.

environment:
  SYMBIO_DB_URL          database of what is reported; --db comes first
  SYMBIO_REMOTE_SECRET   those who report need it; without it nobody may
  SYMBIO_READ_SECRET     those who read need it; without it anybody may
"""

ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)


def add_analysis_commands(commands: "argparse._SubParsersAction[ParserT]") -> None:
    """Add all three."""
    _add_compare(commands)
    _add_diagnose(commands)
    _add_serve(commands)


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


def _add_serve(commands: "argparse._SubParsersAction[ParserT]") -> None:
    serve = commands.add_parser(
        "serve", help="pages of many runs in a browser", description=SERVE_DESCRIPTION
    )
    serve.add_argument(
        "--runs", type=Path, nargs="+", metavar="DIR", help="folders that hold runs (runs)"
    )
    serve.add_argument(
        "--db", metavar="URL", help="sqlite:///FILE, postgresql://... or sqlite+libsql:///FILE"
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    serve.add_argument("--port", type=whole, default=8420, metavar="N", help="0: any (8420)")
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name under which it answers",
    )
