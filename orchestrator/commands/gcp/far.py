"""The far side of a rented machine."""

from datetime import UTC, datetime
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
YOUNG_SECONDS = 120.0
"""After its start a machine may answer before Google's agent there has written our key."""


def session_at(place: Place, rental: Rental, address: str) -> "Session":
    """A connection to the machine, not yet made."""
    from deploy.remote.connection import USUAL
    from deploy.remote.session import Session

    folder = place.renting.folder
    young = YOUNG_SECONDS - _age_seconds(rental)
    return Session(
        address,
        rental.ssh_port,
        rental.order.user,
        folder.key_of(rental),
        folder.known_hosts,
        python=rental.python,
        told=told,
        timing=USUAL._replace(patience=PATIENCE_SECONDS, key_patience=max(0.0, young)),
    )


def _age_seconds(rental: Rental) -> float:
    """Since the machine's present start."""
    spans = rental.rented.spans if rental.rented else ()
    return spans[-1].seconds(datetime.now(UTC)) if spans else 0.0


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
