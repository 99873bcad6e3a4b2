"""What a person can read on terminals of several sizes."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from dashboard.terminal.layout import Want, share_rows
from dashboard.terminal.moment import Moment
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.view import Frame
from state.records import Genome, Ledger, LedgerLine, Synchrony
from tests.dashboard.terminal.conftest import course, spoken
from tests.dashboard.terminal.frames import MOMENT, lines, text, titles

NAN = float("nan")
SIZES = [(80, 24), (100, 30), (100, 40), (139, 50), (160, 24), (200, 60)]


@pytest.mark.parametrize(("width", "height"), SIZES)
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
        "accepted",
        "adapt: collapse: 2 distinct among 10",
        "mutation_rate 0.5 to 0.7",
        "r 0.91 locked",
        "0.610",
        "ending",
        "* collapse",
        "3.600 to 3.100 nats",
        "2.600 to 2.100 bpb",
        "The old man.",
        "note: number=29",
    ):
        assert words in shown, words


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_frame_is_exactly_as_large_as_the_terminal(
    view: RunView, width: int, height: int
) -> None:
    assert [cell_len(line) for line in lines(view, width, height)] == [width] * height


def test_a_small_terminal_shows_the_best_members_and_counts_the_others(view: RunView) -> None:
    shown = text(view, 80, 24)
    assert "l0-c0" in shown
    assert "more" in shown
    assert "l2-c11" not in shown
    assert "l2-c11" in text(view, 200, 60)


def test_a_tall_terminal_shows_more_events(view: RunView) -> None:
    def count(width: int, height: int) -> int:
        return text(view, width, height).count("note: number")

    assert 1 == count(80, 24) < count(80, 50) < count(200, 60)


@pytest.mark.parametrize("reason", ["measured " * 25, "short"])
def test_a_small_terminal_has_every_section_and_the_whole_reason(
    view: RunView, reason: str
) -> None:
    told = view.decisions[-1].model_copy(update={"reason": reason})
    shown = lines(replace(view, decisions=(told,)), 80, 24)
    assert titles(shown)[:4] == ["population", "decision", "signals", "sample"]
    at = next(i for i, line in enumerate(shown) if line.startswith("decision"))
    end = next(i for i, line in enumerate(shown) if line.startswith("signals"))
    said = " ".join(" ".join(shown[at + 1 : end]).split())
    assert said == " ".join(f"adapt: {reason} mutation_rate 0.5 to 0.7".split())


def test_a_reason_that_is_too_long_for_a_low_terminal_is_begun(view: RunView) -> None:
    told = view.decisions[-1].model_copy(update={"reason": "measured " * 80})
    shown = lines(replace(view, decisions=(told,)), 80, 16)
    at = next(i for i, line in enumerate(shown) if line.startswith("decision"))
    assert shown[at + 1].startswith("adapt: measured measured ")
    end = next(i for i, line in enumerate(shown) if i > at and "──" in line)
    assert shown[end - 1].rstrip().endswith("…")


def test_events_take_no_row_that_something_else_could_fill(view: RunView) -> None:
    """The population is whole before a second event is shown."""
    for height in range(12, 60):
        shown = text(view, 90, height)
        if shown.count("note: number") > 3:
            assert "l2-c11" in shown
            assert "The old man." in shown


def test_the_circle_is_shown_where_there_is_room(view: RunView) -> None:
    assert "mean phase 11 deg" in text(view, 200, 60)
    assert "mean phase 11 deg" in text(view, 100, 40)
    assert "mean phase" not in text(view, 80, 24)
    assert "mean phase" not in text(replace(view, synchrony=()), 200, 60)


def test_the_phase_strip_tells_verdicts_and_where_there_is_room_the_measure(
    view: RunView,
) -> None:
    strip = lines(view, 80, 24)[2]
    assert strip.startswith("+Abiogenesis ~Primordial >Cambrian  Oxidation ")
    numbered = view.decisions[0].model_copy(update={"numbers": {"bits_per_byte": 2.51}})
    measured = replace(view, decisions=(numbered, *view.decisions[1:]))
    assert lines(measured, 80, 24)[2] == strip
    assert lines(measured, 120, 24)[2].startswith("+Abiogenesis 2.5100 ~Primordial >Camb")
    assert lines(measured, 200, 60)[2].startswith("+Abiogenesis pass 2.5100 ~Primordial retry >")


def test_a_phase_shows_as_soon_as_it_begins(view: RunView) -> None:
    begun = view.events[0].model_copy(
        update={"index": 30, "kind": "phase_started", "data": {"phase": "oxidation"}}
    )
    shown = text(replace(view, events=(*view.events, begun)))
    assert "phase 4/6 oxidation" in shown
    assert ">Oxidation" in shown
    assert ">Cambrian" not in shown


def test_a_run_that_has_just_begun_has_empty_parts(view: RunView) -> None:
    bare = RunView(run=view.run.model_copy(update={"phase": None, "generation": None}), ledger=None)
    shown = text(bare)
    for words in ("starting", "no generation is complete yet", "not measured yet", "not run yet"):
        assert words in shown


def test_the_budget_counts_the_main_job_and_names_its_baselines_apart(view: RunView) -> None:
    assert view.ledger is not None
    line = LedgerLine(phase="control", allotted=5000, settled=4000)
    with_control = replace(view, ledger=view.ledger.model_copy(update={"control": (line,)}))
    shown = text(with_control, 120, 24)
    assert "1,250/5,000 steps" in shown
    assert "baselines 4,000/5,000" in shown


def test_a_budget_that_is_spent_has_no_time_left(view: RunView) -> None:
    line = LedgerLine(phase="cambrian", allotted=5000, settled=5000)
    spent = replace(view, ledger=Ledger(budget=5000, lines=(line,)))
    assert "finishing" in text(spent)
    end = view.events[0].model_copy(update={"index": 30, "kind": "finished"})
    done = text(replace(spent, events=(*view.events, end)))
    assert "  finished  " in done
    assert "ETA" not in done


def test_the_least_important_facts_of_the_title_give_way(view: RunView) -> None:
    config = {"engine": {"device": "cpu", "workers": 4}}
    with_device = replace(view, run=view.run.model_copy(update={"config": config}))
    assert "cpu, 4 workers  chat" in lines(with_device, 200, 60)[0]
    narrow = lines(with_device, 60, 24)[0].rstrip()
    assert narrow == "run-7  phase 3/6 cambrian  generation 12  best 2.1000 bpb"
    assert lines(with_device, 45, 24)[0].rstrip() == "run-7  phase 3/6 cambrian  best 2.1000 bpb"


def test_why_nobody_works_on_it_and_what_the_keys_do_stand_under_the_header(
    view: RunView,
) -> None:
    paused = Moment(standing="paused; go on with: symbio-auto resume x", hint="q leaves")
    shown = lines(view, 80, 24, paused)[3]
    assert shown == f"{paused.standing:<72}q leaves"
    assert lines(view, 40, 10, paused)[3].startswith("paused; go on with: symbio-auto resume")
    note = lines(view, 80, 24, Moment(note="disk I/O error"))[3]
    assert note.startswith("the store cannot be read: disk I/O error")


HOSTILE = "[red]x[/red] \x1b[2J\x1b]0;owned\x07 \u202e [link=file:///]y[/link] \r\n\x9b31m :smile:"


def hostile(view: RunView) -> RunView:
    member = view.members[0].model_copy(
        update={"genome": Genome(formula=HOSTILE), "operator": HOSTILE, "parents": (HOSTILE,)}
    )
    finding = view.findings[0].finding.model_copy(update={"detector": HOSTILE, "reason": HOSTILE})
    engine = {"device": HOSTILE, "workers": HOSTILE}
    config = {"engine": engine, "data": {"paths": [HOSTILE]}, "model": {"size": HOSTILE}}
    return replace(
        view,
        run=view.run.model_copy(update={"run_id": HOSTILE, "config": config}),
        members=(member,),
        decisions=(view.decisions[-1].model_copy(update={"reason": HOSTILE}),),
        samples=(spoken(HOSTILE, HOSTILE, 0.7),),
        findings=(view.findings[0].model_copy(update={"finding": finding}),),
        events=(view.events[0].model_copy(update={"kind": HOSTILE, "data": {HOSTILE: HOSTILE}}),),
        slow=({"kind": HOSTILE},),
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60)])
def test_text_from_outside_is_shown_and_never_obeyed(
    view: RunView, width: int, height: int
) -> None:
    console = Console(
        width=width, height=height, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    moment = Moment(standing=HOSTILE, hint="q", note=HOSTILE)
    console.print(Frame(hostile(view), moment, width, height), end="", soft_wrap=True)
    assert isinstance(console.file, StringIO)
    raw = console.file.getvalue()
    assert "\x1b[2J" not in raw
    assert not {"\x07", "\r", "\x9b", "\u202e"} & set(raw)
    assert "\x1b]" not in raw
    assert "[red]x[/red]" in raw
    assert ":smile:" in raw


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_values_that_are_no_numbers_are_shown_as_such(
    view: RunView, width: int, height: int
) -> None:
    broken = {"bits_per_byte": NAN, "gain": NAN, "gain_limit": NAN, "tokens_per_sec": NAN}
    member = view.members[0].model_copy(update=broken)
    synchrony = Synchrony.model_construct(
        generation=1, r=NAN, psi=NAN, phases=(NAN, 1e308), null_quantile=NAN, locked=False
    )
    changed = replace(
        view, members=(member,), synchrony=(synchrony,), course=course(NAN, NAN), lineages={}
    )
    shown = lines(changed, width, height, Moment(elapsed=NAN, eta=float("inf")))
    assert [cell_len(line) for line in shown] == [width] * height
    row = next(line for line in shown if line.startswith("l0-c0"))
    assert re.search(r" - +-/- +- accepted", row)
    assert "elapsed -  ETA -" in shown[1]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(1, 260),
    st.integers(1, 90),
    st.text(max_size=200),
    st.integers(0, 40),
    st.lists(st.floats(), max_size=30),
)
def test_no_size_and_no_content_changes_the_size_of_a_frame(
    view: RunView, width: int, height: int, foreign: str, num_members: int, values: list[float]
) -> None:
    one = view.members[0].model_copy(update={"genome": Genome(formula=foreign)})
    changed = replace(
        view,
        members=(one,) * num_members,
        samples=(spoken(foreign, foreign, 0.7),),
        decisions=(view.decisions[-1].model_copy(update={"reason": foreign}),),
        course=course(*values),
        synchrony=(view.synchrony[-1].model_copy(update={"phases": tuple(values)}),),
    )
    shown = lines(changed, width, height, Moment(note=foreign))
    assert [cell_len(line) for line in shown] == [width] * height


@given(
    st.integers(0, 100),
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 20)), min_size=1, max_size=8
    ),
)
def test_rows_go_to_the_most_important_first(rows: int, sizes: list[tuple[int, int, int]]) -> None:
    wants = [Want(least, least + more, least + more + most) for least, more, most in sizes]
    given_rows = share_rows(rows, wants)
    assert sum(given_rows) <= rows
    for got, want in zip(given_rows, wants, strict=True):
        assert got == 0 or want.least <= got <= want.most
    assert given_rows[0] > 0 or rows < wants[0].least
    for i, got in enumerate(given_rows):
        if got > wants[i].good:
            served = [g >= w.good for g, w in zip(given_rows, wants, strict=True) if g]
            assert all(served)
    if sum(given_rows) < rows:
        assert all(g in {0, w.most} for g, w in zip(given_rows, wants, strict=True))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60)])
def test_a_terminal_without_unicode_gets_ascii_of_the_same_width(
    view: RunView, width: int, height: int
) -> None:
    class AsciiFile(StringIO):
        encoding = "ascii"

    foreign = replace(view, samples=(spoken("日本語", "é" * 300, 0.7),))
    file = AsciiFile()
    screen = Console(width=width, height=height, file=file)
    screen.print(Frame(foreign, MOMENT, width, height), end="", soft_wrap=True)
    shown = file.getvalue().removesuffix("\n").split("\n")
    assert file.getvalue().isascii()
    assert [len(line) for line in shown] == [width] * height
    assert "?" * 6 in file.getvalue()
