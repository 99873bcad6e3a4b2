"""A clock that is wound by hand, and a sink that remembers what it was told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from state.progress import Progress, Reporter

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Hands:
    """Both clocks of a reporter."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.seconds)


class Shown:
    """Everything that was written, and None where it was removed."""

    def __init__(self, look: Callable[[], object] = lambda: None) -> None:
        self.told: list[Progress | None] = []
        self._look = look

    def write(self, progress: Progress) -> None:
        self.told.append(progress)
        self._look()

    def remove(self) -> None:
        self.told.append(None)

    @property
    def written(self) -> list[Progress]:
        return [one for one in self.told if one is not None]

    @property
    def names(self) -> list[str | None]:
        """What was shown, one after the other; None where nothing was."""
        return [None if one is None else one.what for one in self.told]

    def last(self, what: str) -> Progress:
        """The last that was told of the work."""
        return next(one for one in reversed(self.written) if one.what == what)


def reporter(shown: Shown, hands: Hands) -> Reporter:
    """Tells `shown`, by the clock in `hands`."""
    return Reporter(shown, clock=hands.clock, now=hands.now)


def make_progress(what: str = "counting", **changes: object) -> Progress:
    """A quarter done in ten seconds."""
    fields: dict[str, object] = {
        "what": what,
        "done": 25.0,
        "total": 100.0,
        "unit": "words",
        "started_at": BEGINNING,
        "updated_at": BEGINNING + timedelta(seconds=10),
    }
    return Progress.model_validate({**fields, **changes})
