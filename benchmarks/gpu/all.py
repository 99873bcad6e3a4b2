"""Every open measurement on a device, the most important first, within a time.

    python -m benchmarks.gpu.all --minutes 25 --out FOLDER --data tinyshakespeare.txt

Each is a process of its own with a log in FOLDER; one that does not fit into what is left of the
time is given what is left, and keeps the rows that it has. The same command again goes on.
"""

import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks.gpu.place import Place, flags

LEAST_SECONDS = 30
GRACE_SECONDS = 60
"""For a row that was begun before its time was over."""


class Measure(NamedTuple):
    """A module of this package, and the most minutes that it is given."""

    name: str
    minutes: float
    needs_data: bool = False


MEASURES = (
    Measure("ceilings", 1),
    Measure("oracle", 4),
    Measure("single", 5),
    Measure("profile", 2),
    Measure("population", 6),
    Measure("graphs", 3),
    Measure("activations", 3),
    Measure("agreement", 3),
    Measure("quality", 4, needs_data=True),
    Measure("host", 4),
    Measure("slots", 4),
    Measure("residency", 1),
    Measure("whole", 8, needs_data=True),
)


def main() -> None:
    """Run what there is time for."""
    parser = flags(__doc__)
    parser.add_argument("--only", nargs="*", choices=[one.name for one in MEASURES])
    arguments = parser.parse_args()
    place = Place.of("all", arguments)
    told = [f"{one.name}: {run(one, place)}" for one in MEASURES if chosen(one, arguments.only)]
    print("\n".join(told))


def chosen(measure: Measure, only: list[str] | None) -> bool:
    """Whether it was asked for."""
    return only is None or measure.name in only


def run(measure: Measure, place: Place) -> str:
    """How it ended."""
    if measure.needs_data and place.data is None:
        return "left out: it needs --data"
    seconds = min(60 * measure.minutes, place.seconds_left)
    if seconds < LEAST_SECONDS:
        return "left out: no time left"
    begun, log = time.monotonic(), place.out / f"{measure.name}.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            command(measure, place, seconds), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            code = child.wait(seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return f"killed after {time.monotonic() - begun:.0f} s; {log}"
    ended = "done" if code == 0 else f"ended with code {code}, see {log}"
    return f"{ended} in {time.monotonic() - begun:.0f} s"


def command(measure: Measure, place: Place, seconds: float) -> list[str]:
    """What to run."""
    words = [sys.executable, "-m", f"benchmarks.gpu.{measure.name}", "--out", str(place.out)]
    words += ["--device", place.device, "--minutes", f"{seconds / 60:.2f}"]
    words += ["--toy"] if place.toy else []
    words += ["--data", str(place.data)] if place.data else []
    words += ["--nanogpt", str(place.nanogpt)] if place.nanogpt else []
    return words


if __name__ == "__main__":
    main()
