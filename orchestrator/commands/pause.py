"""`symbio-auto pause RUN`: the run commits, gives its workers back and waits."""

import argparse

from orchestrator.commands.waiting import wait_until
from orchestrator.run_process import ask_to_pause, process_of, require_process
from state.pasted import pasted
from state.run_folder import RunFolder

LATER = "it is still finishing its tasks and pauses when they end"


def run(arguments: argparse.Namespace) -> int:
    """Ask the run's process to pause and wait until it does."""
    folder = RunFolder.from_argument(arguments.run)
    process = require_process(folder, "pause")
    if not process.paused:
        ask_to_pause(folder, process)

    def rests() -> bool:
        now = process_of(folder)
        return now is None or now.paused

    wait_until(rests, f"process {process.pid} to pause", arguments.timeout, LATER)
    if process_of(folder) is None:
        print("the run ended before it could pause")
        return 0
    print(f"paused; go on with: symbio-auto resume {pasted(folder.root)}")
    return 0
