"""`symbio-auto gcp up`: rent a machine, or start one that is stopped."""

import argparse

from orchestrator.commands.gcp.order import ensure
from orchestrator.commands.gcp.place import costs_on, place_of


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, rent, and wait until it can be reached."""
    place = place_of(arguments)
    rental = ensure(place, arguments, None)
    with costs_on(rental):
        rental, address = place.renting.reachable(rental)
    print(f"{rental.name} runs at {address}; its host keys are known")
    print("run on it:  symbio-auto gcp run --data FILE --budget N")
    print("end it:     symbio-auto gcp delete")
    return 0
