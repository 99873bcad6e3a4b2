"""What holds for all tests."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, however slow the machine: what `make test` says of a commit does not
# change. `make soak` draws others, and more of them.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", PATIENT, max_examples=40, derandomize=True)
settings.register_profile("thorough", PATIENT, max_examples=400)
settings.load_profile("quick")
# Drawing takes seconds, and hundreds of runs end here; the tests of the page ask for it.
os.environ.setdefault("SYMBIO_NO_FIGURES", "1")


MEMORY = Path("/dev/shm")
LEAST_FREE = 4 * 2**30


def in_memory() -> bool:
    """Folders of tests can lie in memory, where a third of the time of what commits is saved."""
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= LEAST_FREE


if in_memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one that is taken last leaves the other workers idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
