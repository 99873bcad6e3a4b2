"""Work under way on one line. Pure; what it is called may come from anywhere."""

from rich.text import Text

from dashboard.terminal.figures import bar, duration, printable
from dashboard.terminal.lines import joined
from state.progress import Progress

BAR_WIDTH = 20
_PREFIXES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def progress_line(progress: Progress, seconds_left: float | None, width: int) -> Text:
    """`tokenising  [####----]  12.1/18.0 MB  8 s left`; without a total no bar and no time."""
    what = Text(printable(progress.what), style="bold")
    what.truncate(max(1, width // 2), overflow="ellipsis")
    share = progress.share
    facts = [
        (what, 0),
        (Text("" if share is None else bar(share, BAR_WIDTH), style="cyan"), 2),
        (Text(amount(progress)), 1),
        (Text("" if seconds_left is None else f"{duration(seconds_left)} left"), 3),
    ]
    return joined(facts, width)


def amount(progress: Progress) -> str:
    """What is done of how much: `3/20 prompts`, `12.1/18.0 MB`, `512 bytes`."""
    unit, total = printable(progress.unit), progress.total
    size, shown = 1.0, unit
    if unit == "bytes":
        size, shown = _prefix(max(progress.done, total or 0.0))
    digits = ".1f" if size > 1 else ",.0f"
    done = f"{progress.done / size:{digits}}"
    if total is not None:
        return f"{done}/{total / size:{digits}} {shown}".rstrip()
    return f"{done} {shown}".rstrip() if progress.done else ""


def _prefix(count: float) -> tuple[float, str]:
    return next(((size, name) for size, name in _PREFIXES if count >= size), (1.0, "bytes"))
