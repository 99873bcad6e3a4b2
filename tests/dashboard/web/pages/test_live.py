"""A page is told when a run has changed, and only then."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request

from dashboard.web import live
from dashboard.web.live import Marks
from dashboard.web.settings import ServerSettings
from dashboard.web.sources import Sources, UnknownRun
from state.metrics_store import MetricsStore
from tests.dashboard.web.single_worlds import add_chunk, trained


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A run in a folder of its own."""
    (tmp_path / "run").mkdir()
    trained(tmp_path / "run" / "metrics.db", chunks=1)
    return tmp_path / "run" / "metrics.db"


async def _never() -> dict[str, str]:
    await asyncio.sleep(3600)
    return {"type": "http.disconnect"}


def test_a_new_chunk_is_one_new_mark(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(live, "SHARED_SECONDS", 0.0)
    with Sources(ServerSettings(runs=(store.parent,))) as sources:
        marks = Marks(sources)
        request = Request({"type": "http"}, receive=_never)

        async def follow() -> list[str]:
            read = partial(marks.read, ("trained",))
            stream = live._stream(request, marks, read, read())
            first = await anext(stream)
            assert marks.num_listeners == 1
            with MetricsStore.open(store, writer=True) as writer:
                add_chunk(writer, "trained", 1)
            second = await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]
            return [first, second]

        first, second = asyncio.run(follow())
    assert first.startswith("retry: 3000\nevent: mark\ndata: ")
    assert second.startswith("event: mark\ndata: ")
    assert first.splitlines()[-2:] != second.splitlines()[-2:]
    assert marks.num_listeners == 0


def test_all_who_follow_share_one_look(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    with Sources(ServerSettings(runs=(store.parent,))) as sources:
        marks = Marks(sources)
        look = sources.mark

        def counted(run_id: str) -> str:
            nonlocal looks
            looks += 1
            return look(run_id)

        monkeypatch.setattr(sources, "mark", counted)
        assert len({marks.read(("trained",)) for _ in range(5)}) == 1
    assert looks == 1


def test_an_unknown_run_is_refused_before_the_stream_begins(store: Path) -> None:
    with (
        Sources(ServerSettings(runs=(store.parent,))) as sources,
        pytest.raises(UnknownRun),
    ):
        Marks(sources).read(("nobody",))


def test_the_list_has_a_mark_of_its_own(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SHARED_SECONDS", 0.0)
    with Sources(ServerSettings(runs=(store.parent,))) as sources:
        marks = Marks(sources)
        before = marks.read(())
        with MetricsStore.open(store, writer=True) as writer:
            add_chunk(writer, "trained", 1)
        assert marks.read(()) != before
