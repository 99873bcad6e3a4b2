"""A process that serves without torch: its loss is the number of steps that it has taken."""

import sys

from benchmarks.speed.serving import Take, serve


def build() -> tuple[Take, int]:
    if "true" in sys.argv[1]:
        raise RuntimeError("broken on purpose")
    sys.stdout.write("printed by what is built\n")
    taken = 0

    def take(steps: int) -> float:
        nonlocal taken
        taken += steps
        sys.stdout.write("printed by a step\n")
        return float(taken)

    return take, 7


if __name__ == "__main__":
    serve(build)
