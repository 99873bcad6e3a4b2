"""The result and what it must be compared with, each with its interval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from orchestrator.figures.style import colour, label, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Entry(NamedTuple):
    """A model on the split that the run is read for."""

    name: str
    bits_per_byte: float
    interval: tuple[float, float] | None = None
    """95 %, over stretches of the text; None where they were not kept."""
    colour: str = "quiet"


class Lead(NamedTuple):
    """How much better than a control the run is: the control's bits per byte less the run's."""

    name: str
    bits_per_byte: float
    interval: tuple[float, float] | None = None


def result_figure(entries: Sequence[Entry], leads: Sequence[Lead] = ()) -> Figure:
    """Bits per byte of each entry, the first on top; beside it the leads over controls."""
    assert entries, "a result without an entry"
    with styled():
        figure = new_figure(0.95 + 0.34 * max(len(entries), len(leads)))
        panels = figure.subplots(
            1, 2 if leads else 1, squeeze=False, width_ratios=_WIDTHS[bool(leads)]
        )
        _entries(panels[0][0], entries)
        if leads:
            _leads(panels[0][1], leads)
    return figure


_WIDTHS = {False: (1.0,), True: (1.25, 1.0)}


def _entries(axes: "Axes", entries: Sequence[Entry]) -> None:
    top = max(one.bits_per_byte for one in entries)
    for row, one in enumerate(entries):
        shade = colour(one.colour)
        axes.plot(
            [0, one.bits_per_byte],
            [row, row],
            color=shade,
            linewidth=7,
            alpha=0.28,
            solid_capstyle="butt",
        )
        axes.plot([one.bits_per_byte], [row], "o", color=shade, markersize=6)
        if one.interval is not None:
            axes.plot(one.interval, [row, row], color=shade, linewidth=2.2)
        axes.annotate(
            f"{one.bits_per_byte:.4f}",
            (one.interval[1] if one.interval else one.bits_per_byte, row),
            xytext=(9, -3.5),
            textcoords="offset points",
            color=colour("ink"),
            fontsize=9.5,
        )
    _rows(axes, [one.name for one in entries])
    axes.set_xlim(0, 1.16 * top)
    axes.set_title(
        "bits per byte, lower is better", fontweight="normal", color=colour("quiet"), fontsize=9.5
    )


def _leads(axes: "Axes", leads: Sequence[Lead]) -> None:
    ends = [end for one in leads for end in (one.interval or (one.bits_per_byte,) * 2)]
    reach = 1.25 * max([abs(end) for end in ends] + [0.005])
    axes.axvline(0, color=colour("quiet"), linewidth=1.2)
    for row, one in enumerate(leads):
        shade = colour("blue" if one.bits_per_byte > 0 else "red")
        if one.interval is not None:
            axes.plot(one.interval, [row, row], color=shade, linewidth=2.2)
        axes.plot([one.bits_per_byte], [row], "o", color=shade, markersize=6)
        axes.annotate(
            f"{one.bits_per_byte:+.4f}",
            (one.bits_per_byte, row),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9.5,
        )
    _rows(axes, [f"against {one.name}" for one in leads])
    axes.set_ylim(len(leads) - 0.1, -0.75)
    axes.set_xlim(-reach, reach)
    axes.set_title(
        "lead over the control", fontweight="normal", color=colour("quiet"), fontsize=9.5
    )
    for side, words in ((0.25, "control wins"), (0.75, "run wins")):
        axes.text(
            *(side, 0.02, words),
            transform=axes.transAxes,
            ha="center",
            color=colour("quiet"),
            fontsize=8.5,
        )


def _rows(axes: "Axes", names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [label(name, 26) for name in names])
    axes.tick_params(axis="y", labelcolor=colour("ink"))
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
