"""`symbio-auto gcp stop`: stop the machine, keep its disk."""

import argparse

from orchestrator.commands.gcp.place import place_of, rented


def run(arguments: argparse.Namespace) -> int:
    """A run on it ends at its last commit and can be resumed."""
    place = place_of(arguments)
    rental, instance = rented(place, adopt=True)
    if instance is None:
        print(f"{place.name} is gone and costs nothing")
        return 0
    rental = place.renting.end(rental, "stop")
    print(f"{place.name} is stopped; its disk costs ${rental.disk_usd_per_hour:.3f} an hour on")
    print("start it again:  symbio-auto gcp up")
    print("end every cost:  symbio-auto gcp delete")
    return 0
