"""The far side of a rented machine."""

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cloud import faults
from deploy.cloud.faults import CloudError
from deploy.cloud.record import Rental
from orchestrator.commands.gcp.place import Place, rented, told

if TYPE_CHECKING:
    from deploy.remote.session import Session


PATIENCE_SECONDS = 60.0
"""Without an answer; then Google is asked whether the machine still runs."""


def session_at(place: Place, rental: Rental, address: str) -> "Session":
    """A connection to the machine, not yet made."""
    from deploy.remote.connection import USUAL
    from deploy.remote.session import Session

    folder = place.renting.folder
    return Session(
        address,
        rental.ssh_port,
        rental.order.user,
        folder.key_of(rental),
        folder.known_hosts,
        python=rental.python,
        told=told,
        timing=USUAL._replace(patience=PATIENCE_SECONDS),
    )


def running(place: Place) -> tuple[Rental, "Session"]:
    """The machine as it runs now, and a connection to it.

    Raises:
        CloudError: there is none, or it is stopped.
    """
    rental, _ = rented(place)
    rental, address = place.renting.reachable(rental)
    return rental, session_at(place, rental, address)


def run_name(rental: Rental) -> str:
    """Of the run that was started there.

    Raises:
        CloudError: none was.
    """
    if rental.run is None:
        raise CloudError(f"no run was started on {rental.name}; start one: symbio-auto gcp run")
    return rental.run


def code_root() -> Path:
    """The checkout, or where the packages are installed."""
    return Path(faults.__file__).resolve().parents[2]
