"""What a person can read on terminals of several sizes."""

from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from dashboard.terminal.snapshot import Pace, RunView
from dashboard.terminal.view import Frame, Want, share_rows
from state.records import Genome, LedgerLine

PACE = Pace(seconds=125, steps=250)


def lines(view: RunView | None, width: int, height: int, note: str = "") -> list[str]:
    console = Console(record=True, width=width, height=height, file=StringIO())
    console.print(Frame(view, PACE, width, height, note), end="")
    return console.export_text().rstrip("\n").split("\n")


def text(view: RunView | None, width: int = 80, height: int = 24, note: str = "") -> str:
    return "\n".join(lines(view, width, height, note))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (100, 30), (139, 50)])
def test_every_part_is_there(view: RunView, width: int, height: int) -> None:
    shown = text(view, width, height)
    for words in (
        "run-7",
        "phase 3/6 cambrian",
        "generation 12",
        "best 2.1000 bpb",
        "1,250/5,000 steps 25%",
        "elapsed 2 min 05 s",
        "ETA 31 min 15 s",
        "Endosymbiosis",
        "relu(x)",
        "inject_gate",
        "+0.020/0.015",
        "12.3k",
        "accepted",
        "adapt (cambrian, generation 11): population collapse",
        "mutation_rate 0.5 to 0.7",
        "r 0.91",
        "locked",
        "battery    0.610",
        "The old man.",
        "note: number=29",
    ):
        assert words in shown, words


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_a_frame_fills_the_terminal_and_never_exceeds_it(
    view: RunView, width: int, height: int
) -> None:
    shown = lines(view, width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width


def test_a_small_terminal_shows_the_best_members_and_counts_the_others(view: RunView) -> None:
    shown = text(view, 80, 24)
    assert "l0-c0" in shown
    assert "more" in shown
    assert "l2-c11" not in shown
    assert "l2-c11" in text(view, 200, 60)


def test_a_tall_terminal_shows_more_events(view: RunView) -> None:
    def count(width: int, height: int) -> int:
        return text(view, width, height).count("note: number")

    assert 1 <= count(80, 24) < count(80, 40) < count(200, 60)


@pytest.mark.parametrize(("width", "height"), [(80, 40), (200, 60)])
def test_a_tall_terminal_shows_the_course_of_the_phases(
    view: RunView, width: int, height: int
) -> None:
    assert "phases ──" in text(view, width, height)
    assert "0.62" in text(view, width, height)
    assert "phases ──" not in text(view, 80, 24)
    assert "phases ──" not in text(replace(view, synchrony=()), width, height)


def test_the_phase_strip_tells_verdicts(view: RunView) -> None:
    strip = lines(view, 80, 24)[2]
    assert "+Abiogenesis" in strip
    assert "~Primordial" in strip
    assert ">Cambrian" in strip
    assert " Homeostasis" in strip
    assert "Abiogenesis pass" in lines(view, 200, 60)[2]


def test_a_phase_shows_as_soon_as_it_begins(view: RunView) -> None:
    begun = view.events[0].model_copy(
        update={"index": 30, "kind": "phase_started", "data": {"phase": "oxidation"}}
    )
    shown = text(replace(view, events=(*view.events, begun)))
    assert "phase 4/6 oxidation" in shown
    assert ">Oxidation" in shown
    assert ">Cambrian" not in shown


def test_before_any_data_it_says_that_it_prepares() -> None:
    assert "preparing ..." in text(None)
    assert "schema none" in text(None, note="metrics.db has schema none")
    assert len(lines(None, 80, 24)) <= 24


def test_a_run_that_has_just_begun_has_empty_parts(view: RunView) -> None:
    bare = RunView(run=view.run.model_copy(update={"phase": None, "generation": None}), ledger=None)
    shown = text(bare)
    for words in ("starting", "no generation is complete yet", "not measured yet", "not run yet"):
        assert words in shown


def test_the_budget_of_a_control_run_counts_the_main_job_only(view: RunView) -> None:
    assert view.ledger is not None
    line = LedgerLine(phase="control", allotted=5000, settled=4000)
    with_control = replace(view, ledger=view.ledger.model_copy(update={"control": (line,)}))
    assert "1,250/5,000 steps" in text(with_control)


HOSTILE = "[red]x[/red] \x1b[2J\x1b]0;owned\x07 \u202e [link=file:///]y[/link] \r\n\x9b31m :smile:"


def hostile(view: RunView) -> RunView:
    assert view.sample is not None
    member = view.members[0].model_copy(
        update={"genome": Genome(formula=HOSTILE), "operator": HOSTILE, "parents": (HOSTILE,)}
    )
    return replace(
        view,
        run=view.run.model_copy(update={"run_id": HOSTILE}),
        members=(member,),
        decisions=(view.decisions[-1].model_copy(update={"reason": HOSTILE}),),
        sample=view.sample.model_copy(update={"text": HOSTILE, "prompt": HOSTILE}),
        events=(view.events[0].model_copy(update={"kind": HOSTILE, "data": {HOSTILE: HOSTILE}}),),
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_text_from_outside_is_shown_and_never_obeyed(
    view: RunView, width: int, height: int
) -> None:
    console = Console(
        width=width, height=height, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Frame(hostile(view), PACE, width, height), end="")
    assert isinstance(console.file, StringIO)
    raw = console.file.getvalue()
    assert "\x1b[2J" not in raw
    assert not {"\x07", "\r", "\x9b", "\u202e"} & set(raw)
    assert "\x1b]" not in raw
    assert "[red]x[/red]" in raw
    assert ":smile:" in raw


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(20, 220), st.integers(1, 70), st.text(max_size=200), st.integers(0, 40))
def test_no_size_and_no_text_overflows(
    view: RunView, width: int, height: int, foreign: str, num_members: int
) -> None:
    assert view.sample is not None
    one = view.members[0].model_copy(update={"genome": Genome(formula=foreign)})
    changed = replace(
        view,
        members=(one,) * num_members,
        sample=view.sample.model_copy(update={"text": foreign}),
        decisions=(view.decisions[-1].model_copy(update={"reason": foreign}),),
    )
    shown = lines(changed, width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=1))
def test_rows_go_to_the_most_important_first(rows: int, sizes: list[tuple[int, int]]) -> None:
    wants = [Want(least, least + more) for least, more in sizes]
    given_rows = share_rows(rows, wants)
    assert sum(given_rows) <= rows
    assert all(
        got == 0 or want.least <= got <= want.most
        for got, want in zip(given_rows, wants, strict=True)
    )
    assert given_rows[0] > 0 or rows < wants[0].least


def test_a_terminal_without_unicode_gets_ascii(view: RunView) -> None:
    class AsciiFile(StringIO):
        encoding = "ascii"

    file = AsciiFile()
    Console(width=80, height=40, file=file).print(Frame(view, PACE, 80, 40), end="")
    assert file.getvalue().isascii()
