"""The last frame of a run that nobody works on, on the screen itself."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from dashboard.terminal.moment import Moment
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.view import SHORT, Frame
from state.run_folder import RunFolder


def print_frame(
    run_folder: Path, *, below: int, standing: str = "", console: Console | None = None
) -> bool:
    """Print the run as it stands, and leave `below` lines of the terminal for what follows.

    Nothing is printed, and False returned, where there is no room for that or nothing to show.
    """
    console = console or Console()
    width, height = console.size
    if height - below < SHORT:
        return False
    with RunReader(RunFolder(run_folder)) as reader:
        view, now = reader.read(), datetime.now(UTC)
        elapsed, _ = reader.times(0.0, now, working=False)
        moment = Moment(elapsed=elapsed, cost=reader.cost(now), standing=standing)
    if view is None:
        return False
    frame = Frame(view, moment, width, height - below)
    console.print(frame, end="", soft_wrap=True)
    return True
