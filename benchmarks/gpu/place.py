"""What the measures on a device share: flags, the device by name, a clock, and kept rows."""

import argparse
import json
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which
from statistics import median
from typing import NamedTuple

import torch
from pydantic import JsonValue

from benchmarks.recording import commit
from benchmarks.speed.workplace import show
from state.durable import write_atomically
from trainer.activations.gpu import why_absent

Row = dict[str, JsonValue]
BLOCKS = 5
ERROR_CHARACTERS = 1500


def flags(doc: str | None) -> argparse.ArgumentParser:
    """The flags of every measure."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="results and logs; kept rows")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--toy", action="store_true", help="sizes for a CPU, to try the script")
    parser.add_argument("--data", type=Path, help="a text; else one that is made")
    parser.add_argument("--minutes", type=float, default=8, help="after which no row is begun")
    parser.add_argument("--nanogpt", type=Path, help="a checkout of karpathy/nanoGPT")
    return parser


class Place(NamedTuple):
    """A device, a folder, and how long there is."""

    name: str
    out: Path
    device: str
    toy: bool
    data: Path | None
    nanogpt: Path | None
    ends_at: float

    @classmethod
    def of(cls, name: str, arguments: argparse.Namespace) -> "Place":
        """Raises SystemExit where there is no such device."""
        if arguments.device == "cuda" and not torch.cuda.is_available():
            raise SystemExit("no CUDA device is visible; try the script with --device cpu --toy")
        arguments.out.mkdir(parents=True, exist_ok=True)
        ends_at = time.monotonic() + 60 * arguments.minutes
        given = (arguments.device, arguments.toy, arguments.data, arguments.nanogpt)
        return cls(name, arguments.out, *given, ends_at)

    @property
    def seconds_left(self) -> float:
        """Until no row is begun any more."""
        return self.ends_at - time.monotonic()

    def wait(self) -> None:
        """Until the device has done what it was told."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object], count: int, *, blocks: int = BLOCKS) -> float:
        """Of one call, median over blocks of `count`; the caller has warmed up."""
        found = []
        for _ in range(blocks):
            self.wait()
            begun = time.perf_counter()
            for _ in range(count):
                work()
            self.wait()
            found.append((time.perf_counter() - begun) / count)
        return median(found)

    def peak_gigabytes(self) -> float | None:
        """Most memory that was allocated since the last call; None on a CPU."""
        if self.device == "cpu":
            return None
        peak = torch.cuda.max_memory_allocated() / 1e9
        torch.cuda.reset_peak_memory_stats()
        return peak


class Rows:
    """The rows of one measure, written as they are found; what is there is not done again."""

    def __init__(self, place: Place) -> None:
        self.place, self.path = place, place.out / f"{place.name}.json"
        self.found: dict[str, Row] = {}
        if self.path.exists():
            before = json.loads(self.path.read_text(encoding="utf-8"))
            if before["device"] == device_facts(place):
                self.found = {key: row for key, row in before["rows"].items() if "error" not in row}

    def add(self, key: str, measure: Callable[[], Mapping[str, JsonValue]]) -> Row | None:
        """The row of that name, measured unless it is there; None where there is no time left.

        What goes wrong is the row.
        """
        if key in self.found:
            return self.found[key]
        if self.place.seconds_left <= 0:
            print(f"{self.place.name}, {key}: no time left", flush=True)
            return None
        begun = time.monotonic()
        try:
            row: Row = dict(measure())
        except Exception as error:  # noqa: BLE001
            # A device has more ways to fail than can be listed, and the other rows stand.
            print(traceback.format_exc(), flush=True)
            row = {"error": f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS]}
        row["took_seconds"] = round(time.monotonic() - begun, 2)
        self.found[key] = row
        self.save()
        show([{"row": key, **{name: one for name, one in row.items() if _is_short(one)}}])
        release(self.place)
        return row

    def save(self) -> None:
        """Write all rows."""
        record = {
            "name": self.place.name,
            "commit": commit() if which("git") else "unknown",
            "device": device_facts(self.place),
            "rows": self.found,
        }
        write_atomically(self.path, (json.dumps(record, indent=2) + "\n").encode())

    def end(self) -> None:
        """Say where they are; raises SystemExit where a row failed."""
        print(self.path)
        failed = [
            key for key, row in self.found.items() if "error" in row or row.get("ok") is False
        ]
        if failed:
            raise SystemExit(f"{self.place.name}: failed: {', '.join(failed)}")


def release(place: Place) -> None:
    """Give back what torch keeps of memory, so that rows do not disturb each other."""
    if place.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def device_facts(place: Place) -> Row:
    """Accelerator, driver, versions."""
    facts: Row = {
        "device": place.device,
        "toy": place.toy,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "triton": why_absent() or "yes",
    }
    if place.device == "cuda":
        about = torch.cuda.get_device_properties(0)
        facts |= {
            "accelerator": about.name,
            "gigabytes": round(about.total_memory / 1e9, 1),
            "multiprocessors": about.multi_processor_count,
            "driver": _driver(),
        }
    return facts


def _driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    return next((word for word in text.split() if word[:1].isdigit() and "." in word), None)


def _is_short(value: JsonValue) -> bool:
    return not isinstance(value, dict | list) and len(str(value)) < 80
