"""`symbio-auto stop RUN`: what one Ctrl-C does, from another terminal."""

import argparse

from orchestrator.commands.waiting import wait_until
from orchestrator.run_process import ask_to_stop, process_of, require_process, resume_line
from state.run_folder import RunFolder

LATER = (
    "it is still finishing its tasks and leaves when they end; "
    "the same command again makes it leave at once"
)


def run(arguments: argparse.Namespace) -> int:
    """Ask the run's process to stop and wait until it has left."""
    folder = RunFolder.from_argument(arguments.run)
    process = require_process(folder, "stop")
    ask_to_stop(folder, process)

    def has_left() -> bool:
        now = process_of(folder)
        return now is None or now.pid != process.pid

    wait_until(has_left, f"process {process.pid} to leave", arguments.timeout, LATER)
    print(f"stopped; {resume_line(folder)}")
    return 0
