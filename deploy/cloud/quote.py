"""What a machine will cost, said before anybody is asked for it."""

from deploy.cloud.machine import Order
from deploy.cloud.offer import PRICES_REGION, Price, disk_usd_per_hour, offer_of
from state.base import Record

AFTERWARDS = {
    "keep": "is kept for fetch and costs on until its cap; symbio-auto gcp delete ends it",
    "stop": "is stopped once its results are here; its disk costs on until gcp delete",
    "delete": "is deleted once its results are here",
}


class Quote(Record):
    """An order and its price."""

    order: Order
    usd_per_hour: float
    price_source: str
    disk_usd_per_hour: float
    hours: float | None
    """That the run is expected to take; None where nobody said."""

    @property
    def most_usd(self) -> float:
        """Up to the cap."""
        return self.usd_for(self.order.cap_seconds / 3600)

    def usd_for(self, hours: float) -> float:
        """Machine and disk for so long."""
        return hours * (self.usd_per_hour + self.disk_usd_per_hour)


def quote_of(order: Order, price: Price, hours: float | None = None) -> Quote:
    """
    Raises:
        ValueError: the run is expected to take longer than the machine may live.
    """
    cap = order.cap_seconds / 3600
    if hours is not None and hours <= 0:
        raise ValueError(f"--hours {hours:g} is no time; give the hours that the run will take")
    if hours is not None and hours > cap:
        raise ValueError(
            f"--hours {hours:g} is more than the {cap:g} hours after which Google ends the "
            f"machine; give --max-hours {hours:g} or more"
        )
    return Quote(
        order=order,
        usd_per_hour=price.usd_per_hour,
        price_source=price.source,
        disk_usd_per_hour=disk_usd_per_hour(order.disk_gb),
        hours=hours,
    )


def as_lines(quote: Quote) -> list[str]:
    """The plan that is shown before the question."""
    order = quote.order
    offer = offer_of(order.machine_type)
    size = f" ({offer})" if offer and not order.accelerator else ""
    gpu = f" with {order.accelerator}" if order.accelerator else ""
    kind = ", Spot: may be taken away, is started again" if order.spot else ""
    lines = [
        f"machine  {order.name}: {order.machine_type}{gpu}{size}{kind}",
        f"where    project {order.project}, zone {order.zone}",
        f"image    {order.image}, disk of {order.disk_gb} GB",
        f"price    ${quote.usd_per_hour:.2f} an hour ({quote.price_source}), "
        f"${quote.disk_usd_per_hour:.3f} for the disk, also while it is stopped",
    ]
    if quote.hours is not None:
        lines.append(f"expected {_hours(quote.hours)}: ${quote.usd_for(quote.hours):.2f}")
    lines.append(
        f"cap      {_hours(order.cap_seconds / 3600)}, then Google stops it: "
        f"${quote.most_usd:.2f} at most"
    )
    lines.append(f"after    {order.name} {AFTERWARDS[order.after]}")
    if order.idle_minutes:
        lines.append(f"idle     turns itself off after {order.idle_minutes} minutes without use")
    if not order.zone.startswith(PRICES_REGION) and quote.price_source != "as you say":
        lines.append(
            f"note     prices are those of {PRICES_REGION}, other regions cost up to 40 % more; "
            "--price-per-hour says better"
        )
    return lines


def _hours(hours: float) -> str:
    return f"{hours:g} hour{'' if hours == 1 else 's'}"
