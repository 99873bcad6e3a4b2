"""`symbio-auto fork RUN --at PHASE[:GEN] --set k=v`: go another way from a point of a run."""

import argparse
import sys
import time
from pathlib import Path

from state.pasted import pasted
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Make the new run and start it; returns the exit code."""
    started_at = time.monotonic()
    from orchestrator.commands.progress_shown import run_sinks
    from orchestrator.commands.reporting import wanted_of
    from orchestrator.forking import fork
    from orchestrator.replay.boundaries import parse_point
    from orchestrator.session import build_engine
    from state.progress import ProgressFile, Reporter

    wanted_of(arguments)
    source = RunFolder.from_argument(arguments.run)
    target = RunFolder(arguments.run_dir or free_folder(source.root))
    stream = sys.stderr if arguments.json else sys.stdout
    progress = Reporter(ProgressFile(target.progress), *run_sinks(arguments))
    fork(
        source,
        parse_point(arguments.at),
        arguments.settings,
        target,
        build=build_engine,
        say=lambda text: print(text, file=stream, flush=True),
        progress=progress,
    )
    print(f"forked {source.root} at {arguments.at} into {target.root}", file=stream)
    if arguments.no_run:
        print(f"start with: symbio-auto --resume {pasted(target.state)}", file=stream)
        return 0
    return _go_on(target, arguments, started_at)


def free_folder(source: Path) -> Path:
    """A name beside the run's that is not taken."""
    number, folder = 1, source.with_name(f"{source.name}-fork")
    while folder.exists():
        number += 1
        folder = source.with_name(f"{source.name}-fork-{number}")
    return folder


def _go_on(target: RunFolder, arguments: argparse.Namespace, started_at: float) -> int:
    from orchestrator.commands import train_run

    views = {name: value for name, value in vars(arguments).items() if name != "run_dir"}
    given = argparse.Namespace(**{**views, "resume": target.root, "config": None})
    return train_run.run(given, started_at)
