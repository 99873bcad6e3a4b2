"""The member-steps of a run from left to right, its phases as bands behind whatever happened."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from orchestrator.figures.style import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER_SHARE = 0.0112
"""Width of a letter of a phase's name, as a share of a whole figure's axes."""


class Span(NamedTuple):
    """One attempt at a phase."""

    name: str
    start: float
    end: float
    """Member-steps since the run began."""
    verdict: Literal["", "retry", "revert"] = ""
    """What its gate said, where that undid it."""


def shade(axes: "Axes", spans: Sequence[Span], *, named: bool = True) -> None:
    """Every other phase as a band, what a gate undid with its mark, the names on top."""
    if not spans:
        return
    axes.set_xlim(spans[0].start, max(spans[-1].end, spans[0].start + 1))
    phases = merged(spans)
    for index, span in enumerate(phases):
        if index % 2 == 0:
            axes.axvspan(span.start, span.end, color=colour("band"), linewidth=0, zorder=0)
    for span in spans:
        if span.verdict:
            axes.axvline(span.end, color=colour("red"), linewidth=1, linestyle=(0, (2, 2)))
            axes.text(
                *(span.end, 0.02, f"{MARKS[span.verdict]} "),
                transform=axes.get_xaxis_transform(),
                color=colour("red"),
                fontsize=8,
                ha="right",
            )
    if named:
        _names(axes, phases)


MARKS = {"retry": "retry", "revert": "went back"}


def merged(spans: Sequence[Span]) -> list[Span]:
    """Attempts at one phase that follow each other as one span."""
    phases: list[Span] = []
    for span in spans:
        if phases and phases[-1].name == span.name:
            phases[-1] = phases[-1]._replace(end=span.end)
        else:
            phases.append(span._replace(verdict=""))
    return phases


def _names(axes: "Axes", phases: Sequence[Span]) -> None:
    """Each above its band, moved aside where it would cover another."""
    low, high = axes.get_xlim()
    titles = [span.name.capitalize() for span in phases]
    widths = [len(title) * LETTER_SHARE + 0.012 for title in titles]
    wanted = [(0.5 * (span.start + span.end) - low) / (high - low) for span in phases]
    for place, title in zip(_apart(wanted, widths), titles, strict=True):
        axes.text(
            *(place, 1.015, title),
            transform=axes.transAxes,
            color=colour("quiet"),
            fontsize=8.5,
            ha="center",
        )


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Centres near the wanted ones, so that nothing overlaps and all is within [0, 1]."""
    places: list[float] = []
    edge = 0.0
    for centre, width in zip(wanted, widths, strict=True):
        places.append(max(centre, edge + width / 2))
        edge = places[-1] + width / 2
    edge = 1.0
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], edge - widths[index] / 2)
        edge = places[index] - widths[index] / 2
    return places


def steps_axis(axes: "Axes", text: str = "member-steps") -> None:
    """Whole numbers with commas."""
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(text)
