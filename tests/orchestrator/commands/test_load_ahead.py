"""What draws is loaded once the last phase is over, and not before."""

import sys
import threading

import pytest

from orchestrator.commands import drawing

DRAWS = "orchestrator.report.page.draw"
OVER = [("gate", {"phase": "homeostasis"}), ("trained", {})]
NOT_OVER = [("gate", {"phase": "cambrian"}), ("phase_started", {"phase": "homeostasis"})]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is loaded."""
    found: list[str] = []
    monkeypatch.setattr(drawing, "import_module", found.append)
    monkeypatch.delenv(drawing.SWITCH, raising=False)
    return found


def hear(kind: str, data: dict[str, str]) -> None:
    before = set(threading.enumerate())
    drawing.load_ahead(kind, dict(data))
    for thread in set(threading.enumerate()) - before:
        thread.join()


@pytest.mark.parametrize(("kind", "data"), OVER)
def test_it_is_loaded_when_the_last_phase_is_over(
    kind: str, data: dict[str, str], loaded: list[str]
) -> None:
    hear(kind, data)
    assert DRAWS in loaded


@pytest.mark.parametrize(("kind", "data"), NOT_OVER)
def test_it_is_not_loaded_before(kind: str, data: dict[str, str], loaded: list[str]) -> None:
    hear(kind, data)
    assert loaded == []


def test_it_is_not_loaded_where_nothing_is_drawn(
    loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(drawing.SWITCH, "1")
    hear(*OVER[0])
    assert loaded == []


def test_what_cannot_be_loaded_is_no_trouble_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, DRAWS, None)
    monkeypatch.delenv(drawing.SWITCH, raising=False)
    raised: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    hear(*OVER[0])
    assert raised == []
