"""A machine as Google describes it, as far as we ask."""

from datetime import datetime
from typing import Literal, NamedTuple

from deploy.cloud.machine import ENDED_RUN, NO_RUN, RUN_LABEL, TOOL, TOOL_LABEL
from state.base import Record

RUNNING = frozenset({"PROVISIONING", "STAGING", "RUNNING", "REPAIRING"})
ENDING = frozenset({"STOPPING", "PENDING_STOP", "SUSPENDING", "DEPROVISIONING"})
ENDED = frozenset({"TERMINATED", "STOPPED", "SUSPENDED"})

Cause = Literal["preempted", "host error", "cap", "asked", "itself", "unknown"]
"""Why a machine stopped: Google needed it; its host failed; its hours were over; somebody asked
for it; it turned itself off."""

CAUSES: dict[str, Cause] = {
    "compute.instances.preempted": "preempted",
    "compute.instances.hostError": "host error",
    "compute.instances.guestTerminate": "itself",
    "stop": "asked",
    "compute.instances.stop": "asked",
}
CAP_SLACK_SECONDS = 120.0
"""Google ends a machine up to half a minute after its cap, and that takes its time."""


class Instance(Record):
    """One machine."""

    id: int
    name: str
    zone: str
    status: str
    machine_type: str
    labels: dict[str, str]
    address: str | None
    """From outside; None while it has none."""
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    spot: bool
    cap_seconds: float | None
    """Of this start."""

    @property
    def is_ours(self) -> bool:
        """It was rented by this program."""
        return self.labels.get(TOOL_LABEL) == TOOL

    @property
    def run(self) -> str | None:
        """The run that it works on by its label."""
        found = self.labels.get(RUN_LABEL, NO_RUN)
        return None if found in {NO_RUN, ENDED_RUN} else found

    @property
    def runs(self) -> bool:
        """It costs by the hour."""
        return self.status in RUNNING or self.status in ENDING

    @property
    def is_stopped(self) -> bool:
        """Only its disk costs."""
        return self.status in ENDED


class HostKey(NamedTuple):
    """A key that a machine identifies itself by: `ssh-ed25519`, and the key in base64."""

    kind: str
    key: str


class Stop(Record):
    """An operation in a machine's life."""

    kind: str
    at: datetime


def why_stopped(instance: Instance, stops: list[Stop]) -> Cause:
    """By the operations since its last start. A machine that Google takes away also turns itself
    off; the cap leaves no operation of its own.
    """
    since = instance.started_at or instance.created_at
    recent = {CAUSES[one.kind] for one in stops if one.kind in CAUSES and one.at >= since}
    taken: tuple[Cause, ...] = ("preempted", "host error")
    for cause in taken:
        if cause in recent:
            return cause
    if _at_cap(instance):
        return "cap"
    others: tuple[Cause, ...] = ("itself", "asked")
    return next((cause for cause in others if cause in recent), "unknown")


def _at_cap(instance: Instance) -> bool:
    """It stopped when its hours were over."""
    started, stopped, cap = instance.started_at, instance.stopped_at, instance.cap_seconds
    if started is None or stopped is None or cap is None:
        return False
    return abs((stopped - started).total_seconds() - cap) <= CAP_SLACK_SECONDS
