"""The grammar of `compare`, `diagnose`, `gates` and `serve`."""

import argparse
from pathlib import Path
from typing import TypeVar

from orchestrator.analysis.diagnose.reach import LEAST_REACH, MOST_REACH, REACH
from orchestrator.flag_values import whole
from orchestrator.flags import add_waivers

SERVE_DESCRIPTION = """\
Pages and a read API over many runs, in a browser on this machine or elsewhere.
Shown are the runs in folders, and those that report here from other machines.

environment:
  SYMBIO_DB_URL          database of what is reported; --db comes first
  SYMBIO_REMOTE_SECRET   those who report need it; without it nobody may
  SYMBIO_READ_SECRET     those who read need it; without it anybody may
"""

GATES_DESCRIPTION = """\
Seven gates, measured again on the best model of a run: G0 vocabulary and
kernels, G1 forward pass, G2 first entropy, G3 first 1,000 steps, G3.5 recurrent
states, G4 balance of gradients, G5 loss against a reference. The verdicts are
printed and kept as gates.json in the run's folder. Exit code 3: a forward pass
that is not finite, a dead component or a rising loss, and nobody waived it.
"""

ParserT = TypeVar("ParserT", bound=argparse.ArgumentParser)


def add_analysis_commands(commands: "argparse._SubParsersAction[ParserT]") -> None:
    """Add all four."""
    _add_compare(commands)
    _add_diagnose(commands)
    _add_gates(commands)
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
    diagnose.add_argument(
        "--reach",
        type=_reach,
        metavar="N",
        help="tokens of the longest text for a model without attention, "
        f"{LEAST_REACH:,} to {MOST_REACH:,} ({REACH:,})",
    )
    diagnose.add_argument(
        "--packing",
        action="store_true",
        help="measure anew how many members this device holds, and nothing else",
    )
    diagnose.add_argument("--json", action="store_true")


def _reach(text: str) -> int:
    """Tokens.

    Raises:
        argparse.ArgumentTypeError: as many are not read.
    """
    tokens = whole(text)
    if not LEAST_REACH <= tokens <= MOST_REACH:
        raise argparse.ArgumentTypeError(
            f"{tokens} is not between {LEAST_REACH} and {MOST_REACH}; give one such as {2 * REACH}"
        )
    return tokens


def _add_gates(commands: "argparse._SubParsersAction[ParserT]") -> None:
    gates = commands.add_parser(
        "gates",
        help="what must hold before more is spent on a model",
        description=GATES_DESCRIPTION,
    )
    gates.add_argument("run", type=Path, metavar="RUN", help="a run's folder or state.json")
    gates.add_argument(
        "--preset",
        choices=("default", "groundthink"),
        default="default",
        help="whose limits count (default)",
    )
    gates.add_argument(
        "--reference", type=Path, metavar="RUN", help="a gpt run on gelu, for G3 and G5"
    )
    gates.add_argument("--strict-gates", action="store_true", help="every failure ends in exit 3")
    add_waivers(gates)
    gates.add_argument("--json", action="store_true")


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
