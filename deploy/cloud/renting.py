"""Renting a machine and giving it back, so that nothing that costs is left behind unseen."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple, NoReturn

from deploy.cloud.compute import Compute
from deploy.cloud.faults import CloudError, NameTaken, NotAllowed, NotRunning, Unreachable
from deploy.cloud.instance import HostKey, Instance, why_stopped
from deploy.cloud.keys import KINDS
from deploy.cloud.machine import RUN_LABEL, body_of
from deploy.cloud.record import MachineFolder, Rental, seen

Told = Callable[[str], None]
End = Literal["stop", "delete"]

SMALLEST_REST_SECONDS = 60.0
"""Of the cap: less is not worth a start."""


class Pauses(NamedTuple):
    """Seconds, and tries."""

    poll: float = 5.0
    """Between two looks at a machine that starts."""
    ready: float = 600.0
    """For a started machine to have an address and to publish its host keys."""
    first: float = 2.0
    """Before another try at ending a machine; doubled each time."""
    tries: int = 5
    """At ending a machine."""


USUAL = Pauses()


class Renting(NamedTuple):
    """One machine, at Google and in our records."""

    compute: Compute
    folder: MachineFolder
    told: Told
    pauses: Pauses = USUAL

    def rent(self, rental: Rental) -> Rental:
        """Create the machine. One that is begun and fails is deleted.

        Raises:
            CloudError: it cannot be had; whether something is left is told.
        """
        name = rental.name
        self.folder.write(rental)
        try:
            self.compute.insert(body_of(rental.order))
        except NameTaken:
            self.folder.remove()
            raise
        except BaseException:
            self._undo(rental)
            raise
        return self.noted(rental.model_copy(update={"stage": "up"}), self.compute.get(name))

    def noted(self, rental: Rental, instance: Instance | None) -> Rental:
        """The record after a look at the machine, written."""
        return self.folder.write(seen(rental, instance))

    def reachable(self, rental: Rental) -> tuple[Rental, str]:
        """Wait until the machine has an address and is known by its keys; gives the address.

        Raises:
            CloudError: it stopped, or publishes no keys.
        """
        deadline = time.monotonic() + self.pauses.ready
        while True:
            instance = self.compute.get(rental.name)
            rental = self.noted(rental, instance)
            if instance is None:
                raise NotRunning(
                    f"{rental.name} is gone: it was deleted; rent another: symbio-auto gcp up"
                )
            if instance.is_stopped:
                cause = why_stopped(instance, self.compute.stops(instance))
                raise NotRunning(
                    f"{rental.name} is stopped ({cause}); start it: symbio-auto gcp up"
                )
            if instance.status == "RUNNING" and instance.address:
                known = self._known_by(rental)
                if known:
                    rental = self.folder.write(rental.model_copy(update={"host_keys": known}))
                    self.folder.believe(rental, instance.address)
                    return rental, instance.address
            if time.monotonic() > deadline:
                self._unreachable(rental, instance)
            time.sleep(self.pauses.poll)

    def restart(self, rental: Rental, more_seconds: float = 0.0) -> Rental:
        """Start a machine that is stopped, for what is left of its cap and `more_seconds`.

        Raises:
            CloudError: nothing is left of the cap, or Google refuses.
        """
        if more_seconds:
            cap = rental.order.cap_seconds + more_seconds
            order = rental.order.model_copy(update={"cap_seconds": cap})
            rental = self.folder.write(rental.model_copy(update={"order": order}))
        left = self.seconds_left(rental)
        if left < SMALLEST_REST_SECONDS:
            raise CloudError(
                f"{rental.name} has run for the {rental.order.cap_seconds / 3600:g} hours that it "
                "may; give it more: symbio-auto gcp up --max-hours HOURS"
            )
        self.compute.set_cap(rental.name, left)
        self.compute.start(rental.name)
        return self.noted(rental, self.compute.get(rental.name))

    def seconds_left(self, rental: Rental) -> float:
        """Of the cap, over all starts."""
        used = rental.rented.seconds(datetime.now(UTC)) if rental.rented else 0.0
        return rental.order.cap_seconds - used

    def label(self, rental: Rental, run: str) -> None:
        """Say at Google which run the machine works on. Not worth an error."""
        try:
            self.compute.set_label(rental.name, RUN_LABEL, run)
        except (CloudError, Unreachable) as error:
            self.told(f"the machine's label could not be changed: {error}")

    def end(self, rental: Rental, how: End) -> Rental:
        """Stop or delete the machine, and see that it happened.

        Raises:
            CloudError: it did not, however often it was tried; it costs on, which is said.
        """
        pause = self.pauses.first
        for number in range(1, self.pauses.tries + 1):
            try:
                return self._end_once(rental, how)
            except (CloudError, Unreachable) as error:
                if number == self.pauses.tries or isinstance(error, NotAllowed):
                    self._costs_on(rental, how, number, error)
                self.told(f"{error}; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _end_once(self, rental: Rental, how: End) -> Rental:
        if how == "delete":
            self.compute.delete(rental.name)
            rental = self.noted(rental, None)
            self.folder.remove()
            return rental
        instance = self.compute.get(rental.name)
        if instance is not None and instance.runs:
            self.compute.stop(rental.name)
            instance = self.compute.get(rental.name)
        if instance is not None and not instance.is_stopped:
            raise CloudError(f"{rental.name} is {instance.status} after it was stopped")
        return self.noted(rental, instance)

    def _costs_on(self, rental: Rental, how: End, tries: int, error: Exception) -> NoReturn:
        reason = str(error).split(";")[0]
        raise CloudError(
            f"{rental.name} could not be {'stopped' if how == 'stop' else 'deleted'} in {tries} "
            f"{'try' if tries == 1 else 'tries'} ({reason}): it may cost "
            f"${rental.usd_per_hour:.2f} an hour until its cap; try again, or do it at "
            f"console.cloud.google.com/compute/instances?project={rental.order.project}"
        ) from error

    def _undo(self, rental: Rental) -> None:
        """Of a machine that was begun and failed, leave nothing, or say what is left."""
        name = rental.name
        try:
            if self.compute.get(name) is not None:
                self.told(f"{name} was begun; deleting it")
                self.end(rental, "delete")
                self.told(f"{name} is deleted")
            else:
                self.folder.remove()
        except (CloudError, Unreachable) as error:
            self.told(
                f"it is not known whether {name} exists and costs ({str(error).split(';')[0]}); "
                f"look again: symbio-auto gcp delete --name {name} --zone {rental.order.zone}"
            )

    def _known_by(self, rental: Rental) -> tuple[HostKey, ...]:
        """What Google says of the machine's keys; they stay with its disk."""
        found = tuple(one for one in self.compute.host_keys(rental.name) if one.kind in KINDS)
        if found and rental.host_keys and set(found) != set(rental.host_keys):
            self.told(f"{rental.name} has published other host keys than before; taking those")
        return found or rental.host_keys

    def _unreachable(self, rental: Rental, instance: Instance) -> NoReturn:
        costs = f"it costs ${rental.usd_per_hour:.2f} an hour: symbio-auto gcp delete"
        if instance.status != "RUNNING" or not instance.address:
            raise CloudError(
                f"{rental.name} is {instance.status} and has no address after "
                f"{self.pauses.ready:.0f} s; {costs}"
            )
        raise CloudError(
            f"{rental.name} runs and has published no host keys in {self.pauses.ready:.0f} s, so "
            "nobody can tell whether it is the machine that answers; take an image with Google's "
            f"guest environment (--image); {costs}"
        )
