"""What a frame shows beside the store: time, work under way, and who works on the run."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.terminal.log_tail import WorkingTime
from dashboard.terminal.snapshot import RunView
from state.progress import Progress
from state.rented import Rented

LONG_ENOUGH = 0.1
"""Share of the budget from which the pace while somebody watched is believed more than the mean
pace: the machine may be another one by now.
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the rented machine that the run works on, or came from; as `$2.25`."""

    so_far: str
    """By the price when it was rented, without taxes and traffic."""
    most: str
    """Up to its cap; the disk costs on after it."""


def cost_of(rented: Rented | None, now: datetime) -> Cost | None:
    """The machine's bill as of `now`; None where none was rented."""
    if rented is None:
        return None
    return Cost(f"${rented.usd(now):,.2f}", f"${rented.most_usd:,.2f}")


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the clock and the folder."""

    elapsed: float | None = None
    """Seconds of work so far."""
    eta: float | None = None
    """Seconds to the end of the budget."""
    progress: Progress | None = None
    progress_left: float | None = None
    cost: Cost | None = None
    """None where no machine was rented."""
    standing: str = ""
    """Why nobody works on the run, and what to do about it."""
    hint: str = ""
    """What the keys do."""
    note: str = ""
    """Why there is no view of the store, or no newer one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Steps made in so many seconds."""

    seconds: float = 0.0
    steps: int = 0


def eta_seconds(view: RunView, pace: Pace) -> float | None:
    """Seconds to the end of the budget at that pace; None where there is none."""
    if view.ledger is None or pace.steps <= 0:
        return None
    return max(0, view.ledger.budget - view.spent) * pace.seconds / pace.steps


class Stopwatch:
    """Estimates when the budget will be spent. Steps are settled by the generation, so the
    estimate is made anew when they are, and counts down in between.
    """

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._spent: int | None = None
        self._estimate: tuple[float, float] | None = None

    def look(
        self, view: RunView | None, at: float, worked: float | None, *, whole: bool
    ) -> float | None:
        """Seconds left as of `at`, by any steady clock; `worked` seconds made all steps of the
        run if `whole`.
        """
        if view is None or view.ledger is None:
            return None
        if self._first is None:
            self._first = (at, view.spent)
        if view.spent != self._spent:
            self._spent = view.spent
            pace = self._pace(view, at, worked if whole else None)
            left = eta_seconds(view, pace)
            self._estimate = None if left is None else (at, left)
        if self._estimate is None:
            return None
        made, left = self._estimate
        return max(0.0, left - (at - made))

    def _pace(self, view: RunView, at: float, worked: float | None) -> Pace:
        assert self._first is not None
        assert view.ledger is not None
        watched = Pace(at - self._first[0], view.spent - self._first[1])
        if worked is None or watched.steps >= LONG_ENOUGH * view.ledger.budget:
            return watched
        return Pace(worked, view.spent)


class Clock:
    """Elapsed time and the estimate, as the moments of one viewer."""

    def __init__(self) -> None:
        self.time = WorkingTime()
        self._stopwatch = Stopwatch()
        self._begun: float | None = None

    def read(
        self, view: RunView | None, at: float, now: datetime, *, working: bool
    ) -> tuple[float | None, float | None]:
        """(seconds of work, seconds left); where the log is silent time counts from here, and
        where nobody works no time is left to be told.
        """
        if self._begun is None:
            self._begun = at
        worked = self.time.seconds(now, working=working)
        left = self._stopwatch.look(view, at, worked, whole=self.time.whole)
        return (at - self._begun if worked is None else worked), left if working else None
