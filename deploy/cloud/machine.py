"""The machine that is asked for, checked before anybody is asked, and what Google is sent."""

import re
from typing import Literal

from pydantic import JsonValue

from deploy.cloud import guest
from deploy.cloud.offer import accelerator_of, offer_of
from state.base import Record
from state.nearest import quoted

After = Literal["keep", "stop", "delete"]
"""What becomes of the machine after its run."""

DEFAULT_NAME, DEFAULT_ZONE, DEFAULT_MACHINE = "symbio-train", "us-central1-b", "g2-standard-4"
DEFAULT_IMAGE = "deeplearning-platform-release/common-cu129-ubuntu-2404-nvidia-580"
"""PROJECT/FAMILY: drivers, Python 3.12, and an agent that publishes the host keys."""
DEFAULT_DISK_GB, SMALLEST_DISK_GB = 100, 50
DEFAULT_USER = "symbio"
DEFAULT_MAX_HOURS = 12.0

TOOL_LABEL, RUN_LABEL = "symbio-tool", "symbio-run"
TOOL = "symbio-auto"
NO_RUN = "none"
"""Label of a machine that waits for its first run."""
ENDED_RUN = "ended"
"""Label of one whose run is over."""

SHORTEST_CAP_SECONDS, LONGEST_CAP_SECONDS = 30.0, 120 * 86400.0
"""What Google accepts."""

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_ZONE = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+-[a-z]")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]")
_USER = re.compile(r"[a-z_][-a-z0-9_]{0,31}")
_IMAGE = re.compile(r"[-a-z0-9.:]+/[-a-z0-9]+")


class Order(Record):
    """What is asked for. `require_sound` says what is wrong with it."""

    project: str
    zone: str = DEFAULT_ZONE
    name: str = DEFAULT_NAME
    machine_type: str = DEFAULT_MACHINE
    accelerator: str | None = None
    """TYPE:NUMBER, for machine types without a GPU of their own."""
    spot: bool = False
    image: str = DEFAULT_IMAGE
    disk_gb: int = DEFAULT_DISK_GB
    disk_type: str | None = None
    """None: the one that the machine type takes."""
    network: str = "default"
    cap_seconds: float = DEFAULT_MAX_HOURS * 3600
    after: After = "keep"
    idle_minutes: int = 0
    """It turns itself off when nobody has used it for so long; 0: never."""
    run: str | None = None
    user: str = DEFAULT_USER
    public_key: str = ""
    """As ssh-keygen writes it, without a comment."""


def require_sound(order: Order) -> Order:
    """
    Raises:
        ValueError: a value that Google would refuse, or misunderstand.
    """
    require_project(order.project)
    _require(_ZONE, order.zone, "--zone", f"a zone is written as {DEFAULT_ZONE}")
    _require(
        _NAME,
        order.name,
        "--name",
        "use at most 63 small letters, digits and dashes, with a letter first",
    )
    _require(_NAME, order.machine_type, "--machine-type", f"one is written as {DEFAULT_MACHINE}")
    _require(_USER, order.user, "--ssh-user", f"use a plain name such as {DEFAULT_USER}")
    _require(_NAME, order.network, "--network", "give the name of a network of the project")
    if not order.image.startswith(("projects/", "https://")):
        _require(_IMAGE, order.image, "--image", f"write PROJECT/FAMILY as in {DEFAULT_IMAGE}")
    if order.disk_gb < SMALLEST_DISK_GB:
        raise ValueError(
            f"--disk-gb {order.disk_gb} is too small for drivers, packages and a run; "
            f"give at least {SMALLEST_DISK_GB}"
        )
    if not SHORTEST_CAP_SECONDS <= order.cap_seconds <= LONGEST_CAP_SECONDS:
        raise ValueError(
            f"a cap of {order.cap_seconds / 3600:g} hours is none that Google takes; "
            "give --max-hours of at most 2,880 (120 days), and of more than half a minute"
        )
    if order.idle_minutes < 0:
        raise ValueError(f"--idle-minutes {order.idle_minutes} is below 0; 0 is for never")
    if order.accelerator:
        accelerator_of(order.accelerator)
    return order


def require_project(project: str) -> str:
    """
    Raises:
        ValueError: it is no project's id.
    """
    return _require(_PROJECT, project, "--project", "give the project's id, not its title")


def label_of(run: str | None) -> str:
    """A run's name as a label: small letters, digits, dashes."""
    return re.sub(r"[^a-z0-9_-]+", "-", (run or NO_RUN).lower())[:63].strip("-") or NO_RUN


def _require(pattern: re.Pattern[str], value: str, flag: str, remedy: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"{flag} {quoted(value)} cannot be used; {remedy}")
    return value


Body = dict[str, JsonValue]


def body_of(order: Order) -> Body:
    """The instance as the Compute API takes it, in its own words."""
    place = f"projects/{order.project}/zones/{order.zone}"
    return {
        "name": order.name,
        "description": "rented by symbio-auto",
        "machineType": f"{place}/machineTypes/{order.machine_type}",
        "labels": {TOOL_LABEL: TOOL, RUN_LABEL: label_of(order.run)},
        "scheduling": _scheduling(order),
        "disks": [_disk(order, place)],
        "networkInterfaces": [
            {
                "network": f"projects/{order.project}/global/networks/{order.network}",
                "accessConfigs": [{"name": "External NAT", "type": "ONE_TO_ONE_NAT"}],
            }
        ],
        "metadata": {"items": [{"key": k, "value": v} for k, v in _metadata(order).items()]},
        "guestAccelerators": _accelerators(order, place),
        # Nothing on the machine may act in the project's name.
        "serviceAccounts": [],
    }


def image_of(image: str) -> str:
    """The image's path: PROJECT/FAMILY is the newest image of a family."""
    if image.startswith(("projects/", "https://")):
        return image
    project, _, family = image.partition("/")
    return f"projects/{project}/global/images/family/{family}"


def _scheduling(order: Order) -> Body:
    """A machine with a GPU cannot move to another host; one that was ended is started again by
    whoever watches, who knows what is left of the cap.
    """
    return {
        "provisioningModel": "SPOT" if order.spot else "STANDARD",
        "instanceTerminationAction": "STOP",
        "maxRunDuration": {"seconds": str(int(order.cap_seconds))},
        "onHostMaintenance": "TERMINATE",
        "automaticRestart": False,
    }


def _disk(order: Order, place: str) -> Body:
    offer = offer_of(order.machine_type)
    kind = order.disk_type or (offer.disk_type if offer else "pd-balanced")
    return {
        "boot": True,
        "autoDelete": True,
        "initializeParams": {
            "sourceImage": image_of(order.image),
            "diskSizeGb": str(order.disk_gb),
            "diskType": f"{place}/diskTypes/{kind}",
            "labels": {TOOL_LABEL: TOOL},
        },
    }


def _metadata(order: Order) -> dict[str, str]:
    """Host keys are published at the first start only if guest attributes are on by then."""
    found = {
        "enable-guest-attributes": "TRUE",
        "enable-oslogin": "FALSE",
        "block-project-ssh-keys": "TRUE",
        "ssh-keys": f"{order.user}:{order.public_key} {order.user}",
        # Older images ask for their drivers by this.
        "install-nvidia-driver": "True",
        guest.USER_ATTRIBUTE: order.user,
    }
    if order.idle_minutes or order.after != "keep":
        found[guest.IDLE_ATTRIBUTE] = str(order.idle_minutes)
        found[guest.AFTER_ATTRIBUTE] = order.after
        found["startup-script"] = guest.STARTUP_SCRIPT
    return found


def _accelerators(order: Order, place: str) -> list[JsonValue]:
    """G2, A2 and A3 machines bring their own."""
    if not order.accelerator:
        return []
    name, number = accelerator_of(order.accelerator)
    path = f"{place}/acceleratorTypes/{name}"
    return [{"acceleratorType": path, "acceleratorCount": number}]
