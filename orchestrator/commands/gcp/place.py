"""Which machine a verb means: project, zone and name, from flags, records and the environment."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from deploy.cloud.compute import Compute
from deploy.cloud.faults import Busy, CloudError, NotRunning
from deploy.cloud.instance import Instance
from deploy.cloud.login import login
from deploy.cloud.machine import DEFAULT_NAME, DEFAULT_ZONE, require_project
from deploy.cloud.record import Rental, adopted, folder_of, known_machines, seen
from deploy.cloud.renting import Renting
from orchestrator.commands.progress_shown import Lines, sinks_of
from state.nearest import quoted
from state.progress import Reporter

PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")


class Place(NamedTuple):
    """A machine, whether it exists or not."""

    project: str
    zone: str
    name: str
    renting: Renting


def told(line: str) -> None:
    """A line for the person at the terminal, out of the way of results."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def costs_on(rental: Rental) -> Iterator[None]:
    """Whatever ends the block early, what is rented is named: it costs until it is given back."""
    try:
        yield
    except (Busy, NotRunning):
        raise
    except BaseException:
        name, hours = rental.name, rental.order.cap_seconds / 3600
        told(
            f"{name} runs on, for ${rental.usd_per_hour:.2f} an hour and {hours:g} hours at most; "
            f"end it: symbio-auto gcp delete --name {name}"
        )
        raise


def place_of(arguments: argparse.Namespace) -> Place:
    """The machine that is meant; nothing is asked of Google.

    A machine that we rented is found by its name alone, wherever it is.

    Raises:
        CloudError: nobody says which project, or there is no login.
    """
    name = arguments.name or DEFAULT_NAME
    known = _recorded(arguments, name)
    access = login()
    project = arguments.project or _environment_project()
    project = project or (known.order.project if known else None) or access.project
    if not project:
        raise CloudError(
            "no project is given; write --project ID, or set GOOGLE_CLOUD_PROJECT, or run: "
            "gcloud config set project ID"
        )
    require_project(project)
    zone = arguments.zone or (known.order.zone if known else DEFAULT_ZONE)
    sinks = sinks_of(arguments) or (Lines(),)
    compute = Compute(
        project,
        zone,
        access.credentials,
        endpoint=access.endpoint,
        reporter=Reporter(*sinks),
    )
    return Place(project, zone, name, Renting(compute, folder_of(project, zone, name), told))


def rented(place: Place, *, adopt: bool = False) -> tuple[Rental, Instance | None]:
    """Our record of the machine after a look at it; the machine is None where it is gone.

    With `adopt`, a machine that was rented from another computer counts too, without its key.

    Raises:
        CloudError: we have not rented such a machine.
    """
    rental = place.renting.folder.read()
    instance = place.renting.compute.get(place.name)
    if rental is not None:
        return place.renting.noted(rental, instance), instance
    if adopt and instance is not None and instance.is_ours:
        return seen(adopted(instance, place.project), instance), instance
    where = f"{quoted(place.name)} in {place.zone} of {place.project}"
    if instance is None:
        raise CloudError(f"there is no machine {where}; rent one: symbio-auto gcp up")
    raise CloudError(
        f"the machine {where} was not rented from here, so its key is elsewhere; use the computer "
        "that rented it, or console.cloud.google.com"
    )


def _recorded(arguments: argparse.Namespace, name: str) -> Rental | None:
    """The one machine of that name that we have a record of and that fits the flags."""
    project = arguments.project or _environment_project()
    found = [
        one
        for one in known_machines()
        if one.name == name
        and project in {None, one.order.project}
        and arguments.zone in {None, one.order.zone}
    ]
    if len(found) > 1:
        places = ", ".join(f"{one.order.zone} of {one.order.project}" for one in found)
        raise CloudError(f"there are several machines {name}: {places}; give --zone and --project")
    return found[0] if found else None


def _environment_project() -> str | None:
    found = (os.environ.get(name, "").strip() for name in PROJECT_VARIABLES)
    return next(filter(None, found), None)
