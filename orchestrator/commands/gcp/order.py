"""The machine that the flags ask for, its price, and the question."""

import argparse
import sys
from datetime import UTC, datetime

from deploy.cloud.faults import CloudError, NameTaken
from deploy.cloud.instance import Instance
from deploy.cloud.keys import new_pair, public_half
from deploy.cloud.machine import (
    DEFAULT_DISK_GB,
    DEFAULT_IMAGE,
    DEFAULT_MACHINE,
    DEFAULT_MAX_HOURS,
    DEFAULT_USER,
    Order,
    require_sound,
)
from deploy.cloud.offer import disk_usd_per_hour, price_of
from deploy.cloud.quote import Quote, as_lines, quote_of
from deploy.cloud.record import Rental
from orchestrator.commands.gcp.place import Place, told


def ensure(place: Place, arguments: argparse.Namespace, run: str | None) -> Rental:
    """A machine that runs: the one that is there, started where it is stopped, or a new one.

    Raises:
        CloudError: it cannot be had, or nobody agreed to the price.
    """
    instance = place.renting.compute.get(place.name)
    rental = place.renting.folder.read()
    if instance is None:
        if rental is not None:
            told(f"{place.name} is gone since it was last used; renting another")
        return _new(place, arguments, run)
    if rental is None or not instance.is_ours:
        raise NameTaken(
            f"project {place.project} has a machine {place.name} in {place.zone} that was not "
            "rented from here; choose another --name"
        )
    rental = place.renting.noted(rental, instance)
    return _started(place, arguments, rental, instance)


def agree(lines: list[str], question: str, *, yes: bool) -> None:
    """Show what it is about and ask.

    Raises:
        CloudError: the answer is no, or there is nobody to ask.
    """
    for line in lines:
        print(line, flush=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise CloudError(f"there is no terminal to ask at: {question} Add --yes if it is meant")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CloudError("nothing was done, as you said")


def quoted_order(place: Place, arguments: argparse.Namespace, run: str | None) -> Quote:
    """What the flags ask for, checked, and its price.

    Raises:
        ValueError: a flag has a value that cannot be used.
    """
    machine_type = arguments.machine_type or DEFAULT_MACHINE
    price = price_of(
        machine_type,
        spot=arguments.spot,
        accelerator=arguments.accelerator,
        given=arguments.price_per_hour,
    )
    disk_gb = DEFAULT_DISK_GB if arguments.disk_gb is None else arguments.disk_gb
    hourly = price.usd_per_hour + disk_usd_per_hour(disk_gb)
    order = Order(
        project=place.project,
        zone=place.zone,
        name=place.name,
        machine_type=machine_type,
        accelerator=arguments.accelerator,
        spot=arguments.spot,
        image=arguments.image or DEFAULT_IMAGE,
        disk_gb=disk_gb,
        network=arguments.network or "default",
        cap_seconds=cap_seconds(arguments, hourly),
        after=arguments.after or "keep",
        idle_minutes=arguments.idle_minutes or 0,
        run=run,
        user=arguments.ssh_user or DEFAULT_USER,
    )
    return quote_of(require_sound(order), price, arguments.hours)


def cap_seconds(arguments: argparse.Namespace, usd_per_hour: float) -> float:
    """The hours after which Google ends the machine: the fewest of what was said.

    Raises:
        ValueError: an hour or a sum is none.
    """
    for flag, value in (("--max-hours", arguments.max_hours), ("--max-cost", arguments.max_cost)):
        if value is not None and value <= 0:
            raise ValueError(f"{flag} {value:g} is nothing; give more than 0")
    hours = [] if arguments.max_hours is None else [float(arguments.max_hours)]
    if arguments.max_cost is not None and usd_per_hour > 0:
        hours.append(arguments.max_cost / usd_per_hour)
    if not hours:
        hours.append(max(DEFAULT_MAX_HOURS, arguments.hours or 0.0))
    return round(min(hours) * 3600)


def _new(place: Place, arguments: argparse.Namespace, run: str | None) -> Rental:
    quote = quoted_order(place, arguments, run)
    given_key = arguments.ssh_key
    public = public_half(given_key) if given_key else ""
    agree(as_lines(quote), "Rent it?", yes=arguments.yes)
    folder = place.renting.folder
    folder.remove()
    public = public or new_pair(folder.key)
    rental = Rental(
        order=quote.order.model_copy(update={"public_key": public}),
        usd_per_hour=quote.usd_per_hour,
        price_source=quote.price_source,
        disk_usd_per_hour=quote.disk_usd_per_hour,
        ssh_port=arguments.ssh_port or 22,
        python=arguments.python,
        own_key=str(given_key.resolve()) if given_key else None,
        asked_at=datetime.now(UTC),
    )
    told(f"renting {place.name}; until Google has made it Ctrl-C gives it back")
    return place.renting.rent(rental)


def _started(
    place: Place, arguments: argparse.Namespace, rental: Rental, instance: Instance
) -> Rental:
    """A machine of ours that exists. It keeps its kind; only its hours can be changed."""
    asked = arguments.machine_type
    if asked and asked != instance.machine_type:
        raise CloudError(
            f"{place.name} is a {instance.machine_type}, not a {asked}; delete it first, or "
            "choose another --name"
        )
    rental = _ending_as_asked(place, arguments, rental)
    if not instance.is_stopped:
        told(f"{place.name} runs already; its kind, price and cap stay as they are")
        return rental
    hourly, now_left = rental.usd_per_hour, place.renting.seconds_left(rental)
    left = now_left + (arguments.max_hours or 0.0) * 3600
    if arguments.max_cost is not None and hourly > 0:
        left = min(left, arguments.max_cost / hourly * 3600)
    agree(
        [
            f"{place.name} is stopped and is started again: ${hourly:.2f} an hour "
            f"({rental.price_source}), {max(0.0, left) / 3600:.1f} hours are left: "
            f"${max(0.0, left) / 3600 * hourly:.2f} at most"
        ],
        "Start it?",
        yes=arguments.yes,
    )
    return place.renting.restart(rental, left - now_left)


def _ending_as_asked(place: Place, arguments: argparse.Namespace, rental: Rental) -> Rental:
    """A machine ends itself only as it was rented to; what this computer does can be changed."""
    order = rental.order
    if arguments.idle_minutes is not None and arguments.idle_minutes != order.idle_minutes:
        told(
            f"--idle-minutes is set when a machine is rented: {place.name} keeps "
            f"{order.idle_minutes} (0: never)"
        )
    if not arguments.after or arguments.after == order.after:
        return rental
    told(
        f"{place.name} was rented with --after {order.after} and ends itself only so; "
        f"--after {arguments.after} holds while this computer looks on"
    )
    order = order.model_copy(update={"after": arguments.after})
    return place.renting.folder.write(rental.model_copy(update={"order": order}))
