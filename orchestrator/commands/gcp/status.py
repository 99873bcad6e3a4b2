"""`symbio-auto gcp status`: the machine, its run, and what they have cost."""

import argparse
import json
from datetime import UTC, datetime

from deploy.cloud.instance import Cause, Instance, why_stopped
from deploy.cloud.record import Rental
from deploy.cloud.watch import TAKEN, progress_line
from deploy.remote.status import RemoteStatus
from orchestrator.commands.gcp.far import session_at
from orchestrator.commands.gcp.place import Place, place_of, rented, told
from orchestrator.commands.gcp.watching import see_through


def run(arguments: argparse.Namespace) -> int:
    """Print it, or look on until the run is over."""
    place = place_of(arguments)
    rental, instance = rented(place, adopt=True)
    if arguments.watch:
        return see_through(place, rental, arguments.max_restarts)
    cause = None
    if instance is not None and instance.is_stopped:
        cause = why_stopped(instance, place.renting.compute.stops(instance))
    status = _asked(place, rental, instance)
    if arguments.json:
        print(json.dumps(_document(rental, instance, cause, status)))
        return 0
    for name, text in _rows(rental, instance, cause, status):
        print(f"{name:9}{text}")
    return 0


def _asked(place: Place, rental: Rental, instance: Instance | None) -> RemoteStatus | None:
    """How the run goes; None where nobody can be asked."""
    keyed = place.renting.folder.key_of(rental).exists() and bool(rental.host_keys)
    if instance is None or instance.status != "RUNNING" or not instance.address or not keyed:
        return None
    place.renting.folder.believe(rental, instance.address)
    try:
        with session_at(place, rental, instance.address) as far:
            return far.status()
    except (ConnectionError, ValueError) as error:
        told(f"its run cannot be asked: {error}")
        return None


def _rows(
    rental: Rental, instance: Instance | None, cause: Cause | None, status: RemoteStatus | None
) -> list[tuple[str, str]]:
    now, order = datetime.now(UTC), rental.order
    state = "gone" if instance is None else instance.status.lower()
    spot = ", Spot" if order.spot else ""
    rows = [
        ("machine", f"{order.name}, {order.machine_type}{spot} in {order.zone} of {order.project}"),
        ("state", f"{state} ({cause})" if cause else state),
    ]
    if instance is not None and instance.address:
        rows.append(("address", instance.address))
    if rental.rented is not None:
        cost = rental.rented
        rows.append(
            (
                "cost",
                f"${cost.usd(now):.2f} so far, {cost.seconds(now) / 3600:.1f} hours at "
                f"${rental.usd_per_hour:.2f} ({rental.price_source})",
            )
        )
        rows.append(
            (
                "cap",
                f"{order.cap_seconds / 3600:.1f} hours, ${cost.most_usd:.2f}; then Google stops it",
            )
        )
    if rental.restarts:
        rows.append(("restarts", f"{rental.restarts}, after it was taken away"))
    if status is not None:
        rows.append(("run", f"{status.run or 'none'}: {progress_line(rental, status, now)}"))
        if status.reason:
            rows.append(("because", status.reason))
    elif rental.run:
        rows.append(("run", f"{rental.run}; nobody can be asked how it goes"))
    rows.append(("next", _next(instance, cause, rental, status)))
    return rows


def _next(
    instance: Instance | None, cause: Cause | None, rental: Rental, status: RemoteStatus | None
) -> str:
    if instance is None:
        return "symbio-auto gcp delete forgets it; symbio-auto gcp up rents another"
    if cause in TAKEN and rental.stage == "works":
        return "symbio-auto gcp status --watch starts it again, and its run goes on"
    if instance.is_stopped:
        return "symbio-auto gcp up starts it; symbio-auto gcp delete ends every cost"
    if status is not None and status.works:
        return "symbio-auto gcp status --watch, logs -f, kill"
    if rental.run and not rental.fetched:
        return "symbio-auto gcp fetch, then symbio-auto gcp delete"
    return "symbio-auto gcp run, or symbio-auto gcp delete"


def _document(
    rental: Rental, instance: Instance | None, cause: Cause | None, status: RemoteStatus | None
) -> dict[str, object]:
    now, rent = datetime.now(UTC), rental.rented
    return {
        "name": rental.name,
        "project": rental.order.project,
        "zone": rental.order.zone,
        "machine_type": rental.order.machine_type,
        "spot": rental.order.spot,
        "state": instance.status if instance else None,
        "cause": cause,
        "address": instance.address if instance else None,
        "hours": rent.seconds(now) / 3600 if rent else None,
        "usd": rent.usd(now) if rent else None,
        "most_usd": rent.most_usd if rent else None,
        "usd_per_hour": rental.usd_per_hour,
        "restarts": rental.restarts,
        "run": rental.run,
        "job": status.model_dump(mode="json") if status else None,
    }
