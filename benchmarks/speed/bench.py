"""Every headline figure, with one command, within a time.

    python -m benchmarks.speed.bench --data tinyshakespeare.txt --minutes 60 --save

Each measure is a process of its own, the most telling ones first. One that would not end in time
on a quiet machine is left out, which is said; on a busy one all take longer, and their figures are
rough. Beside nanoGPT only with a checkout of it.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Measure(NamedTuple):
    """A module, and what it takes on a quiet machine of two cores."""

    module: str
    minutes: float
    flags: tuple[str, ...] = ()


MEASURES = (
    Measure("benchmarks.speed.composed", 4),
    Measure("benchmarks.speed.switching", 4),
    Measure("benchmarks.speed.many_genomes", 2),
    Measure("benchmarks.speed.population", 4),
    Measure("benchmarks.speed.precision", 4),
    Measure("benchmarks.time_to_quality", 12),
    Measure("benchmarks.scaling.measure", 8),
)
PEERS = Measure("benchmarks.peers.measure", 24)


def main() -> None:
    """Run what there is time for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nanogpt", type=Path, help="a checkout of karpathy/nanoGPT")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--save", action="store_true", help="write results/*.json")
    arguments = parser.parse_args()
    begun, failed = time.monotonic(), []
    for measure in planned(arguments.nanogpt):
        left = arguments.minutes - (time.monotonic() - begun) / 60
        if measure.minutes > left:
            asked = f"takes {measure.minutes:.0f} minutes, {max(0.0, left):.1f} are left"
            print(f"{measure.module}: left out, {asked}", flush=True)
            continue
        print(f"\n{measure.module}", flush=True)
        command = [sys.executable, "-m", measure.module, "--data", str(arguments.data)]
        command += [*measure.flags, *(["--save"] if arguments.save else [])]
        if subprocess.run(command, check=False).returncode:
            failed.append(measure.module)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def planned(nanogpt: Path | None) -> tuple[Measure, ...]:
    """The measures in their order; beside nanoGPT where there is a checkout."""
    if nanogpt is None:
        return MEASURES
    return (PEERS._replace(flags=("--nanogpt", str(nanogpt))), *MEASURES)


if __name__ == "__main__":
    main()
