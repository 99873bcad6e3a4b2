"""`symbio-auto gcp delete`: delete the machine and its disk; nothing costs any more."""

import argparse
from datetime import UTC, datetime

from deploy.cloud.record import Rental
from orchestrator.commands.gcp.order import agree
from orchestrator.commands.gcp.place import place_of, rented


def run(arguments: argparse.Namespace) -> int:
    """Ask where a run would be lost."""
    place = place_of(arguments)
    rental, instance = rented(place, adopt=True)
    if instance is None:
        place.renting.folder.remove()
        print(f"{place.name} is gone already; what was known of it is deleted")
        return 0
    agree(_lost(rental), f"Delete {place.name}?", yes=arguments.yes or not _lost(rental))
    rental = place.renting.end(rental, "delete")
    cost = rental.rented.usd(datetime.now(UTC)) if rental.rented else 0.0
    print(f"{place.name} is deleted with its disk; it has cost about ${cost:.2f}")
    return 0


def _lost(rental: Rental) -> list[str]:
    """What the machine has that is nowhere else."""
    if rental.run is None or rental.fetched:
        return []
    return [f"run {rental.run} was not fetched since it ended; it is lost with the machine"]
