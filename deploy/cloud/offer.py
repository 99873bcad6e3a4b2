"""What can be rented, and for how much: a dated table, since no price list can be asked without
an account. Where it is wrong, `--price-per-hour` is right.
"""

from datetime import date
from typing import NamedTuple

from state.nearest import nearest as nearest_of
from state.nearest import question, quoted

PRICES_AS_OF = date(2026, 10, 19)
PRICES_REGION = "us-central1"
"""US dollars there, without tax or discount; elsewhere up to 40 % more."""

SPOT_SHARE = 0.6
"""Of the list price, at most. Spot prices move daily; this is the dearest that was seen in that
region that autumn, for L4, A100, H100 and H200 alike: a plan says too much rather than too little.
"""

DISK_USD_PER_GB_MONTH = 0.10
"""Balanced persistent disk, and Hyperdisk Balanced about as much."""
HOURS_PER_MONTH = 730.0


class Offer(NamedTuple):
    """A machine type, with what is bound to it."""

    machine_type: str
    gpu: str
    num_gpus: int
    num_cpus: int
    memory_gib: int
    usd_per_hour: float
    disk_type: str = "pd-balanced"

    @property
    def spot_usd_per_hour(self) -> float:
        """For a machine that may be taken away at any moment."""
        return round(SPOT_SHARE * self.usd_per_hour, 4)

    def __str__(self) -> str:
        size = f"{self.num_cpus} vCPU, {self.memory_gib} GiB"
        return f"{self.num_gpus} {self.gpu}, {size}" if self.num_gpus else f"no GPU, {size}"


class Accelerator(NamedTuple):
    """A GPU that is put into a machine type which has none of its own."""

    name: str
    gpu: str
    usd_per_hour: float


L4, A100, A100_80, H100, RTX = (
    "NVIDIA L4",
    "NVIDIA A100 40 GB",
    "NVIDIA A100 80 GB",
    "NVIDIA H100 80 GB",
    "NVIDIA RTX PRO 6000",
)

OFFERS = (
    Offer("g2-standard-4", L4, 1, 4, 16, 0.7068),
    Offer("g2-standard-8", L4, 1, 8, 32, 0.8536),
    Offer("g2-standard-12", L4, 1, 12, 48, 1.0004),
    Offer("g2-standard-16", L4, 1, 16, 64, 1.1471),
    Offer("g2-standard-32", L4, 1, 32, 128, 1.7343),
    Offer("g2-standard-24", L4, 2, 24, 96, 2.0007),
    Offer("g2-standard-48", L4, 4, 48, 192, 4.0014),
    Offer("g2-standard-96", L4, 8, 96, 384, 8.0028),
    Offer("a2-highgpu-1g", A100, 1, 12, 85, 3.6734),
    Offer("a2-highgpu-2g", A100, 2, 24, 170, 7.3468),
    Offer("a2-highgpu-4g", A100, 4, 48, 340, 14.6935),
    Offer("a2-highgpu-8g", A100, 8, 96, 680, 29.3871),
    Offer("a2-ultragpu-1g", A100_80, 1, 12, 170, 5.0688),
    Offer("a2-ultragpu-2g", A100_80, 2, 24, 340, 10.1376),
    Offer("a2-ultragpu-4g", A100_80, 4, 48, 680, 20.2752),
    Offer("a2-ultragpu-8g", A100_80, 8, 96, 1360, 40.5504),
    Offer("a3-highgpu-1g", H100, 1, 26, 234, 11.0612),
    Offer("a3-highgpu-2g", H100, 2, 52, 468, 22.1225),
    Offer("a3-highgpu-4g", H100, 4, 104, 936, 44.2450),
    Offer("a3-highgpu-8g", H100, 8, 208, 1872, 88.4900),
    Offer("g4-standard-48", RTX, 1, 48, 180, 4.5001, "hyperdisk-balanced"),
    Offer("n1-standard-4", "", 0, 4, 15, 0.1900),
    Offer("n1-standard-8", "", 0, 8, 30, 0.3800),
    Offer("n1-standard-16", "", 0, 16, 60, 0.7600),
    Offer("e2-standard-4", "", 0, 4, 16, 0.1340),
    Offer("e2-standard-8", "", 0, 8, 32, 0.2681),
    Offer("n2-standard-8", "", 0, 8, 32, 0.3885),
)

ACCELERATORS = (
    Accelerator("nvidia-tesla-t4", "NVIDIA T4", 0.35),
    Accelerator("nvidia-tesla-v100", "NVIDIA V100", 2.48),
    Accelerator("nvidia-tesla-p100", "NVIDIA P100", 1.46),
)
"""For n1 machines."""


class Price(NamedTuple):
    """US dollars an hour, and who says so."""

    usd_per_hour: float
    source: str


def offer_of(machine_type: str) -> Offer | None:
    """The offer of that name; None where the table has none."""
    return next((one for one in OFFERS if one.machine_type == machine_type), None)


def accelerator_of(text: str) -> tuple[str, int]:
    """`nvidia-tesla-t4:2` as name and number.

    Raises:
        ValueError: it is spelled otherwise.
    """
    name, _, number = text.partition(":")
    if not name or not (number or "1").isdecimal() or not 1 <= int(number or 1) <= 16:
        raise ValueError(
            f"--accelerator {quoted(text)} is not TYPE or TYPE:NUMBER; give one such as "
            "nvidia-tesla-t4:1"
        )
    return name, int(number or 1)


def price_of(
    machine_type: str, *, spot: bool, accelerator: str | None = None, given: float | None = None
) -> Price:
    """Of an hour; `given` is what the user says.

    Raises:
        ValueError: nobody knows one.
    """
    if given is not None:
        if given < 0:
            raise ValueError(f"--price-per-hour {given:g} is below 0; give a price")
        return Price(given, "as you say")
    offer = offer_of(machine_type)
    if offer is None:
        names = [one.machine_type for one in OFFERS]
        meant = question(nearest_of(machine_type, names))
        raise ValueError(
            f"no price is known for --machine-type {quoted(machine_type)}; "
            f"{meant + ' Else give' if meant else 'give'} --price-per-hour"
        )
    usd = offer.usd_per_hour + _accelerator_usd(accelerator)
    kind = "Spot, at most" if spot else "on demand"
    source = f"{kind}; list of {PRICES_AS_OF}, {PRICES_REGION}"
    return Price(round(SPOT_SHARE * usd, 4) if spot else round(usd, 4), source)


def _accelerator_usd(text: str | None) -> float:
    if text is None:
        return 0.0
    name, number = accelerator_of(text)
    for one in ACCELERATORS:
        if one.name == name:
            return number * one.usd_per_hour
    known = ", ".join(one.name for one in ACCELERATORS)
    raise ValueError(
        f"no price is known for --accelerator {quoted(name)}; choose one of {known}, or give "
        "--price-per-hour"
    )


def disk_usd_per_hour(disk_gb: int) -> float:
    """Of the boot disk, which costs as long as the machine exists, also while it is stopped."""
    return disk_gb * DISK_USD_PER_GB_MONTH / HOURS_PER_MONTH
