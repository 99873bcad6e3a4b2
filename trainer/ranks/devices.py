"""The devices of this machine, one for each process. Imports no torch."""

import os

SEEN_BY_ALL = "GPUS_SEEN_BY_RUN"
"""What the run's own process sees, where its workers see less: set before they are started."""


def devices(count: int) -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` has to be in each of so many processes.

    Raises:
        RuntimeError: fewer are visible.
    """
    seen = os.environ.get(SEEN_BY_ALL, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    names = [name.strip() for name in seen.split(",") if name.strip()]
    if names and len(names) < count:
        raise RuntimeError(f"{count} devices are the host's, and {len(names)} are visible: {seen}")
    return names[:count] or [str(number) for number in range(count)]
