"""What a rented machine has cost, in the header of the live view."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len

from dashboard.terminal.live import LiveView
from dashboard.terminal.moment import Cost, Moment
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.still import print_frame
from state.rented import write_rented
from tests.dashboard.machines import rented
from tests.dashboard.terminal.frames import MOMENT, console, lines
from tests.dashboard.terminal.test_live import terminal, wait_for, write_run

SIZES = [(80, 24), (100, 30), (160, 24), (200, 60)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_the_rented_machine_costs_is_shown_whole_beside_the_time_left(
    view: RunView, width: int, height: int
) -> None:
    moment = replace(MOMENT, cost=Cost("$0.21", "$1.31"))
    shown = lines(view, width, height, moment)
    assert [cell_len(line) for line in shown] == [width] * height
    assert not any("…" in line for line in shown[:4])
    facts = ["1,250/5,000 steps 25%", "elapsed 2 min 05 s", "ETA 31 min 15 s", "$0.21"]
    if width >= 100:
        facts[-1] += " of at most $1.31"
    assert shown[1].rstrip().endswith("  ".join(facts))
    assert "$" not in "".join(lines(view, width, height)[:4])


def test_a_narrow_header_keeps_the_cost_rather_than_the_time_that_has_passed(
    view: RunView,
) -> None:
    moment = Moment(elapsed=7 * 3600, eta=50 * 3600, cost=Cost("$1,234.56", "$2,000.00"))
    budget = lines(view, 70, 24, moment)[1]
    assert budget.rstrip().endswith("1,250/5,000 steps 25%  ETA 50 h 00 min  $1,234.56")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_the_last_frame_of_a_run_has_the_cost_of_its_machine(
    tmp_path: Path, view: RunView, width: int, height: int
) -> None:
    write_run(tmp_path, view)
    screens = [console(width, height) for _ in range(2)]
    for screen in screens:
        assert print_frame(tmp_path, below=0, console=screen)
        write_rented(tmp_path, rented(2.0))
    without, with_cost = (screen.file.getvalue() for screen in screens)  # type: ignore[attr-defined]
    assert "$" not in without
    assert "$1.00" in with_cost


def test_a_live_view_has_it_before_the_run_has_a_store_and_follows_it(
    tmp_path: Path, view: RunView
) -> None:
    write_rented(tmp_path, rented(2.0))
    screen = StringIO()
    live = LiveView(tmp_path, terminal(screen))
    live.start()
    wait_for(lambda: "$1.00" in screen.getvalue())
    assert "preparing ..." in screen.getvalue()
    write_run(tmp_path, view)
    write_rented(tmp_path, rented(4.0, gone=True))
    wait_for(lambda: "$2.00" in screen.getvalue())
    live.stop()
