"""`symbio-auto gcp kill`: end the run after its next commit. The machine stays."""

import argparse

from deploy.cloud.machine import ENDED_RUN
from orchestrator.commands.gcp.far import running
from orchestrator.commands.gcp.place import place_of


def run(arguments: argparse.Namespace) -> int:
    """Ask for it and say what became of the run."""
    place = place_of(arguments)
    rental, session = running(place)
    with session as far:
        status = far.kill()
    if not status.works:
        place.renting.folder.write(rental.model_copy(update={"stage": "ended"}))
        place.renting.label(rental, ENDED_RUN)
    name = status.run or rental.run or "the run"
    print(f"{name} is {status.state}" + (f": {status.reason}" if status.reason else ""))
    print(f"{rental.name} runs on and costs ${rental.usd_per_hour:.2f} an hour")
    print("fetch the run:  symbio-auto gcp fetch")
    print(f"go on with it:  symbio-auto gcp run --resume runs/{name}")
    return 0
