"""What holds for all tests."""

import os

import pytest

# Drawing takes seconds, and hundreds of runs end here; the tests of the page ask for it.
os.environ.setdefault("SYMBIO_NO_FIGURES", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one that is taken last leaves the other workers idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
