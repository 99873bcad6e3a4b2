"""Waiting for the process of a run, with a line that shows it."""

import sys
import time
from collections.abc import Callable

POLL_SECONDS = 0.1


def wait_until(happened: Callable[[], bool], what: str, timeout_seconds: float, later: str) -> None:
    """Return once `happened` holds.

    Raises:
        RuntimeError: not within `timeout_seconds`; the message ends with `later`.
    """
    began = time.monotonic()
    shown = sys.stderr.isatty()
    if not shown:
        print(f"waiting for {what} ...", file=sys.stderr, flush=True)
    while not happened():
        seconds = time.monotonic() - began
        if seconds > timeout_seconds:
            raise RuntimeError(f"waited {seconds:.0f} s for {what} in vain; {later}")
        if shown:
            print(f"\rwaiting for {what} ... {seconds:.0f} s", end="", file=sys.stderr, flush=True)
        time.sleep(POLL_SECONDS)
    if shown:
        print(file=sys.stderr)
