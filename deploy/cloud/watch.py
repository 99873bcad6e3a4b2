"""Seeing a run through on a machine that Google may take away: it is started again, and the run
goes on from its last commit, as often as was allowed and as long as the cap lasts.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol

from deploy.cloud.faults import CloudError, NoCapacity, NotRunning, Unreachable
from deploy.cloud.instance import Cause, Instance, why_stopped
from deploy.cloud.record import Rental
from deploy.cloud.renting import Renting
from deploy.remote.status import RemoteStatus

TAKEN: tuple[Cause, ...] = ("preempted", "host error")
"""Causes that end nothing: the machine is started again."""


class FarRun(Protocol):
    """A connection to the machine, as far as watching needs it."""

    def status(self) -> RemoteStatus:
        """How it goes there."""

    def revive(self) -> RemoteStatus:
        """Let the job go on where the machine went down under it."""


Connect = Callable[[Rental, str], AbstractContextManager[FarRun]]
"""Opens the machine at an address."""


class Rhythm(NamedTuple):
    """Seconds."""

    poll: float = 15.0
    """Between two looks."""
    silence: float = 1800.0
    """That a machine may run without an answer."""
    no_capacity: float = 60.0
    """Before another try at a start, doubled up to `longest`."""
    longest: float = 600.0
    wait: float = 6 * 3600.0
    """For the zone to have a machine again."""


USUAL = Rhythm()

How = Literal["over", "stopped", "gone"]


class Outcome(NamedTuple):
    """How the watch ended: the job is `over`, the machine was `stopped`, or it is `gone`."""

    how: How
    rental: Rental
    status: RemoteStatus | None = None
    cause: Cause | None = None


class Watch:
    """Of one run on one machine; `rental` is what we know of it now."""

    def __init__(
        self,
        renting: Renting,
        rental: Rental,
        connect: Connect,
        show: Callable[[Rental, RemoteStatus], None],
        *,
        max_restarts: int,
        rhythm: Rhythm = USUAL,
    ) -> None:
        """`show` is told of every look."""
        self.rental = rental
        self._renting, self._connect, self._show = renting, connect, show
        self._max_restarts, self._rhythm = max_restarts, rhythm
        self._stack = ExitStack()
        self._run: FarRun | None = None

    def close(self) -> None:
        """Let the connection go; the run works on."""
        self._run = None
        self._stack.close()

    def follow(self) -> Outcome:
        """Look again and again, until there is nothing more to wait for.

        Raises:
            CloudError: it cannot be started again, or has not answered for too long.
        """
        answered = time.monotonic()
        while True:
            instance = self._look()
            if instance is None:
                return Outcome("gone", self.rental)
            if instance.is_stopped:
                self.close()
                cause = why_stopped(instance, self._renting.compute.stops(instance))
                if cause not in TAKEN:
                    return Outcome("stopped", self.rental, cause=cause)
                self._again(cause)
                answered = time.monotonic()
            elif instance.status == "RUNNING" and (status := self._ask()):
                answered = time.monotonic()
                self._show(self.rental, status)
                if not status.works:
                    return Outcome("over", self.rental, status)
            elif time.monotonic() - answered > self._rhythm.silence:
                raise CloudError(
                    f"{self.rental.name} has not answered for {self._rhythm.silence:.0f} s; it "
                    f"costs ${self.rental.usd_per_hour:.2f} an hour: symbio-auto gcp status, or "
                    "gcp delete"
                )
            time.sleep(self._rhythm.poll)

    def _look(self) -> Instance | None:
        """What Google says; where nobody answers there is nothing to be done but to wait."""
        while True:
            try:
                instance = self._renting.compute.get(self.rental.name)
                self.rental = self._renting.noted(self.rental, instance)
                return instance
            except Unreachable as error:
                self._renting.told(str(error))
                time.sleep(self._rhythm.poll)

    def _ask(self) -> RemoteStatus | None:
        """How it goes there; None where nobody answers. A job that went down with its machine is
        let go on.
        """
        try:
            if self._run is None:
                self.rental, address = self._renting.reachable(self.rental)
                self._run = self._stack.enter_context(self._connect(self.rental, address))
            status = self._run.status()
            if status.state == "interrupted":
                self._renting.told(f"{status.run or 'the run'} goes on from its last commit")
                status = self._run.revive()
        except (ConnectionError, NotRunning) as error:
            self.close()
            self._renting.told(str(error))
            return None
        return status

    def _again(self, cause: Cause) -> None:
        """Start a machine that was taken away."""
        name, number = self.rental.name, self.rental.restarts + 1
        if number > self._max_restarts:
            raise CloudError(
                f"{name} was taken away ({cause}) and may be started again "
                f"{self._max_restarts} times only; go on: symbio-auto gcp up, then gcp status "
                "--watch"
            )
        self._renting.told(
            f"{name} was taken away ({cause}); starting it again, {number} of {self._max_restarts}"
        )
        counted = self.rental.model_copy(update={"restarts": number})
        self.rental = self._renting.folder.write(counted)
        pause, since = self._rhythm.no_capacity, time.monotonic()
        while True:
            try:
                self.rental = self._renting.restart(self.rental)
                return
            except NoCapacity as error:
                if time.monotonic() + pause - since > self._rhythm.wait:
                    raise
                self._renting.told(f"{error}; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, self._rhythm.longest)


def progress_line(rental: Rental, status: RemoteStatus, now: datetime | None = None) -> str:
    """`cambrian, 4,200 of 50,000 steps, best 1.923 bits per byte; $2.25 of at most $8.48`."""
    summary = status.summary
    parts: list[str] = [str(summary["phase"]) if summary.get("phase") else status.state]
    spent, budget = summary.get("spent"), summary.get("budget")
    if isinstance(spent, int) and isinstance(budget, int):
        parts.append(f"{spent:,} of {budget:,} steps")
    best = summary.get("best_bits_per_byte")
    if isinstance(best, float | int):
        parts.append(f"best {best:.3f} bits per byte")
    if status.state == "waiting":
        parts.append(f"crashed ({status.reason}), starting again")
    line = ", ".join(parts)
    if rental.rented is not None:
        now = now or datetime.now(UTC)
        line += f"; ${rental.rented.usd(now):.2f} of at most ${rental.rented.most_usd:.2f}"
    return line
