"""What we rented: a folder for each machine, written before Google is asked for it.

~/.config/symbio-auto/machines/PROJECT/ZONE/NAME/
machine.json    what was asked for, and what became of it
rented.json     what it costs, for whatever shows a run
id_ed25519      the key that opens it, unless one was given
known_hosts     the keys that it is known by
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, ValidationError

from deploy.cloud.instance import HostKey, Instance
from deploy.cloud.keys import write_known_hosts, write_private
from deploy.cloud.machine import LONGEST_CAP_SECONDS, Order
from deploy.cloud.offer import Price, disk_usd_per_hour, price_of
from state.base import Record
from state.rented import RENTED_FILE, Rented, Span, write_rented
from state.run_folder import RunFolder

Stage = Literal["asked", "up", "works", "ended"]
"""`asked`: Google was asked and may have done it; `up`: it has no run yet; `works`: a run was
started on it; `ended`: that is over."""


class Rental(Record):
    """A machine of ours."""

    order: Order
    usd_per_hour: float
    price_source: str
    disk_usd_per_hour: float
    stage: Stage = "asked"
    ssh_port: int = 22
    python: str | None = None
    """An interpreter there that has every package; None: one is made from the lock file."""
    own_key: str | None = None
    """A private key of the user's; None: the one in this folder."""
    host_keys: tuple[HostKey, ...] = ()
    run: str | None = None
    """Name of the run: its folder is runs/NAME there."""
    local: str | None = None
    """The run's folder here, where it is fetched to."""
    fetched: bool = False
    """What the run left is here."""
    restarts: int = 0
    """After it was taken away."""
    rented: Rented | None = None
    asked_at: AwareDatetime

    @property
    def name(self) -> str:
        """Of the machine."""
        return self.order.name


class MachineFolder(NamedTuple):
    """Where what we know of one machine lies."""

    root: Path

    @property
    def key(self) -> Path:
        """The private key that was made for it."""
        return self.root / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Whom to believe."""
        return self.root / "known_hosts"

    def read(self) -> Rental | None:
        """None where there is none.

        Raises:
            ValueError: it cannot be understood.
        """
        path = self.root / "machine.json"
        try:
            return Rental.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ValueError(
                f"{path} cannot be understood; see the machine at console.cloud.google.com, then "
                f"delete the folder {self.root}"
            ) from error

    def write(self, rental: Rental) -> Rental:
        """Replace what is there, and what the folder of its run says of the cost."""
        write_private(self.root / "machine.json", rental.model_dump_json(indent=1).encode())
        if rental.rented is not None:
            write_private(self.root / RENTED_FILE, rental.rented.model_dump_json().encode())
            if rental.local is not None and RunFolder(Path(rental.local)).state.is_file():
                with suppress(OSError):
                    write_rented(Path(rental.local), rental.rented)
        return rental

    def key_of(self, rental: Rental) -> Path:
        """The private key that opens the machine."""
        return Path(rental.own_key) if rental.own_key else self.key

    def believe(self, rental: Rental, host: str) -> None:
        """Write who may answer at the machine's present address."""
        write_known_hosts(self.known_hosts, host, rental.ssh_port, rental.host_keys)

    def remove(self) -> None:
        """Forget a machine that is gone; a key that the user gave is none of ours."""
        for path in sorted(self.root.glob("*")) + sorted(self.root.glob(".*.tmp")):
            path.unlink(missing_ok=True)
        if self.root.is_dir():
            self.root.rmdir()


def machines_folder() -> Path:
    """Below the user's configuration."""
    base = os.environ.get("XDG_CONFIG_HOME")
    root = Path(base) if base else Path.home() / ".config"
    return root / "symbio-auto" / "machines"


def folder_of(project: str, zone: str, name: str) -> MachineFolder:
    """Of a machine, whether we have one or not."""
    return MachineFolder(machines_folder() / project.replace(":", "_") / zone / name)


def known_machines() -> Iterator[Rental]:
    """Every machine that we have a record of; records that cannot be understood are left out."""
    for path in sorted(machines_folder().glob("*/*/*/machine.json")):
        try:
            rental = MachineFolder(path.parent).read()
        except ValueError:
            continue
        if rental is not None:
            yield rental


def adopted(instance: Instance, project: str) -> Rental:
    """A machine that another computer rented, as far as Google tells of it; it is not recorded."""
    try:
        price = price_of(instance.machine_type, spot=instance.spot)
    except ValueError:
        price = Price(0.0, "unknown")
    order = Order(
        project=project,
        zone=instance.zone,
        name=instance.name,
        machine_type=instance.machine_type,
        spot=instance.spot,
        cap_seconds=instance.cap_seconds or LONGEST_CAP_SECONDS,
    )
    return Rental(
        order=order,
        usd_per_hour=price.usd_per_hour,
        price_source=price.source,
        disk_usd_per_hour=disk_usd_per_hour(order.disk_gb),
        stage="works" if instance.run else "up",
        run=instance.run,
        asked_at=instance.created_at,
    )


def seen(rental: Rental, instance: Instance | None, now: datetime | None = None) -> Rental:
    """The record after a look at the machine."""
    now, before = now or datetime.now(UTC), rental.rented
    if instance is None:
        if before is None or before.gone_at is not None:
            return rental
        spans = tuple(one if one.stopped_at else _closed(one, now) for one in before.spans)
        gone = before.model_copy(update={"spans": spans, "gone_at": now, "seen_at": now})
        return rental.model_copy(update={"rented": gone})
    order = rental.order
    spans = before.spans if before and before.created_at == instance.created_at else ()
    rented = Rented(
        name=order.name,
        zone=order.zone,
        machine_type=order.machine_type,
        spot=order.spot,
        usd_per_hour=rental.usd_per_hour,
        disk_usd_per_hour=rental.disk_usd_per_hour,
        created_at=instance.created_at,
        spans=_spans(spans, instance, now),
        cap_seconds=order.cap_seconds,
        seen_at=now,
    )
    return rental.model_copy(update={"rented": rented})


def _spans(spans: tuple[Span, ...], instance: Instance, now: datetime) -> tuple[Span, ...]:
    """With the present one. Of one that ended unseen, Google still tells when."""
    started = instance.started_at or instance.created_at
    ended = instance.stopped_at
    earlier = []
    for one in (one for one in spans if one.started_at < started):
        stop = ended if ended and one.started_at < ended <= started else started
        earlier.append(one if one.stopped_at else _closed(one, stop))
    present = Span(started_at=started)
    if not instance.runs:
        present = _closed(present, ended if ended and ended >= started else now)
    return (*earlier, present)


def _closed(span: Span, at: datetime) -> Span:
    return span.model_copy(update={"stopped_at": max(span.started_at, at)})
