"""Work under way, in the header and before there is one."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.terminal.live import progress_left
from dashboard.terminal.moment import Moment
from dashboard.terminal.progress import amount, progress_line
from dashboard.terminal.snapshot import RunView
from state.progress import Progress
from tests.dashboard.terminal.frames import lines

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def work(
    what: str = "tokenising", done: float = 12.1e6, total: float | None = 18e6, unit: str = "bytes"
) -> Progress:
    return Progress(
        what=what,
        done=done,
        total=total,
        unit=unit,
        started_at=BEGUN,
        updated_at=BEGUN + timedelta(seconds=20),
    )


def test_a_line_has_a_bar_an_amount_and_the_time_left() -> None:
    assert progress_line(work(), 8, 80).plain == (
        "tokenising  [############------]  12.1/18.0 MB  8 s left"
    )


@pytest.mark.parametrize(
    ("done", "total", "unit", "shown"),
    [
        (3, 20, "prompts", "3/20 prompts"),
        (512, 900, "bytes", "512/900 bytes"),
        (5e5, 2e9, "bytes", "0.0/2.0 GB"),
        (1500, None, "steps", "1,500 steps"),
        (0, None, "", ""),
        (7, 9, "", "7/9"),
    ],
)
def test_amounts(done: float, total: float | None, unit: str, shown: str) -> None:
    assert amount(work(done=done, total=total, unit=unit)) == shown


def test_work_whose_end_nobody_knows_has_no_bar_and_no_time() -> None:
    assert progress_line(work(done=0, total=None, unit=""), None, 80).plain == "tokenising"


@pytest.mark.parametrize(("width", "shown"), [(45, 3), (30, 2), (20, 1)])
def test_a_narrow_line_leaves_out_the_time_and_then_the_bar(width: int, shown: int) -> None:
    whole = ["tokenising", "12.1/18.0 MB", "[############------]"]
    line = progress_line(work(), 8, width + (5 if shown == 3 else 0)).plain
    assert [part in line for part in whole] == [i < shown for i in range(3)]
    assert "left" not in line


def test_the_time_left_is_in_whole_seconds() -> None:
    assert progress_left(work(), BEGUN + timedelta(seconds=20)) == 10
    assert progress_left(work(total=None), BEGUN) is None
    assert progress_left(None, BEGUN) is None


def test_work_stands_under_the_header_and_what_it_is_called_is_foreign(view: RunView) -> None:
    moment = Moment(progress=work(what="a \x1b[2J battery"), progress_left=8, hint="q leaves")
    shown = lines(view, 90, 24, moment)[3]
    assert shown.startswith("a [2J battery  [####")
    assert shown.endswith("8 s left".ljust(90 - shown.index("8 s left") - 8) + "q leaves")
    assert len(shown) == 90


def test_before_there_is_a_store_the_work_is_shown() -> None:
    shown = lines(None, 80, 24, Moment(progress=work(), progress_left=8, note="schema none"))
    assert len(shown) == 24
    assert [line.rstrip() for line in shown[:4]] == [
        "symbio-auto",
        "preparing ...",
        "tokenising  [############------]  12.1/18.0 MB  8 s left",
        "schema none",
    ]
    assert "preparing ..." in lines(None, 80, 24)[1]
