"""The command line. Arguments are parsed before torch or Ray is imported."""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module

from orchestrator.closed_pipe import give_streams, print_nowhere
from orchestrator.error_line import error_line
from orchestrator.grammar import EXIT_USAGE, build_parser

EXIT_FAILURE = 1
EXIT_STOPPED = 3
STOPPING = frozenset({"GateFailedError", "HostDivergedError", "ReferenceDivergedError"})
"""Errors by which a guard of ours ends a run."""
EXIT_INTERRUPTED = 130

Runner = Callable[[argparse.Namespace], int]

COMMANDS = {
    "plan": ("plan", "run"),
    "train": ("train", "run"),
    "status": ("status", "run"),
    "watch": ("watch", "run"),
    "pause": ("pause", "run"),
    "stop": ("stop", "run"),
    "resume": ("train_run", "resume"),
    "sample": ("sample", "run"),
    "chat": ("chat", "run"),
    "battery": ("battery", "run"),
    "report": ("report", "run"),
    "compare": ("compare", "run"),
    "diagnose": ("diagnose", "run"),
    "gates": ("gates", "run"),
    "serve": ("serve", "run"),
    "push": ("push", "run"),
    "verify": ("verify", "run"),
    "fork": ("fork", "run"),
    "export": ("export", "run"),
    "models": ("models", "run"),
    "demo-data": ("demo_data", "run"),
    "doctor": ("doctor", "run"),
    "gcp": ("gcp.dispatch", "run"),
    "completion": ("completion", "run"),
    "help": ("help", "run"),
}
"""Each command's module in `orchestrator.commands`, loaded when it is asked for, and function."""


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    started_at = time.monotonic()
    give_streams()
    arguments = build_parser().parse_args(argv)
    try:
        code = _command(arguments.command, arguments, started_at)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        print_nowhere()
        return 0
    except ValueError as error:
        print(f"symbio-auto: error: {_first_line(error)}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt as interruption:
        print(f"symbio-auto: {_left(arguments.command)}", file=sys.stderr)
        return getattr(interruption, "exit_code", EXIT_INTERRUPTED)
    except (OSError, RuntimeError, MemoryError) as error:
        print(f"symbio-auto: stopped: {_first_line(error)}", file=sys.stderr)
        return _stopped_code(error)


def _command(name: str | None, arguments: argparse.Namespace, started_at: float) -> int:
    if name is None:
        from orchestrator.commands import train_run

        return train_run.run(arguments, started_at)
    module, function = COMMANDS[name]
    run: Runner = getattr(import_module(f"orchestrator.commands.{module}"), function)
    return run(arguments)


def _left(command: str | None) -> str:
    """What a person who pressed Ctrl-C may want to know."""
    trains = command in {None, "train", "resume", "fork"}
    return "left at once; the last commit is whole" if trains else "interrupted"


def _first_line(error: BaseException) -> str:
    return error_line(str(error)) or type(error).__name__


def _stopped_code(error: BaseException) -> int:
    """3 when a guard of ours stopped the run, 1 for anything else."""
    return EXIT_STOPPED if type(error).__name__ in STOPPING else EXIT_FAILURE


if __name__ == "__main__":
    raise SystemExit(main())
