"""Where the steps and the time went."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from orchestrator.figures.style import colour, label, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLES = {
    "champions": "blue",
    "challengers": "green",
    "null twins": "purple",
    "host": "sky",
    "the model": "sky",
    "teachers and second runs": "ochre",
    "control": "red",
}
"""Who trains, with its colour, in the order of drawing."""
WORK = ("training", "evaluation", "battery", "all else")
_WORK_COLOURS = ("blue", "ochre", "green", "rule")


class PhaseCost(NamedTuple):
    """Member-steps of one phase by role; roles that are not in `ROLES` are not drawn."""

    name: str
    steps: Mapping[str, float]


def cost_figure(phases: Sequence[PhaseCost], wall: Mapping[str, float]) -> Figure:
    """Member-steps by phase and role, above the wall time by kind of work in seconds."""
    with styled():
        figure = new_figure(2.25 + 0.3 * max(1, len(phases)))
        upper, lower = figure.subplots(2, 1, height_ratios=(max(1, len(phases)), 1.0))
        _phases(upper, phases)
        _wall(lower, wall)
    return figure


def _phases(axes: "Axes", phases: Sequence[PhaseCost]) -> None:
    used = [role for role in ROLES if any(one.steps.get(role) for one in phases)]
    starts = [0.0] * len(phases)
    for role in used:
        widths = [float(one.steps.get(role, 0)) for one in phases]
        axes.barh(
            range(len(phases)),
            widths,
            left=starts,
            color=colour(ROLES[role]),
            height=0.66,
            label=role,
        )
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for row, total in enumerate(starts):
        axes.annotate(
            f"{total:,.0f}", (total, row), xytext=(5, -3.5), textcoords="offset points", fontsize=9
        )
    axes.set_yticks(range(len(phases)), [label(one.name, 20) for one in phases])
    axes.set_ylim(len(phases) - 0.4, -0.6)
    axes.set_xlim(0, 1.12 * max([*starts, 1]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _bare(axes)
    axes.set_xlabel("member-steps")
    if used:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=3,
            fontsize=8.5,
            borderaxespad=0.2,
        )


def _wall(axes: "Axes", wall: Mapping[str, float]) -> None:
    total = max(sum(wall.values()), 1e-9)
    start = 0.0
    for name, shade in zip(WORK, _WORK_COLOURS, strict=True):
        share = wall.get(name, 0.0) / total
        axes.barh(
            [0], [share], left=[start], color=colour(shade), height=0.6, label=f"{name} {share:.0%}"
        )
        start += share
    axes.set_yticks([0], ["wall time"])
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_ylim(0.5, -0.5)
    _bare(axes)
    axes.spines["bottom"].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.02), ncols=4, fontsize=8.5, borderaxespad=0)


def _bare(axes: "Axes") -> None:
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", labelcolor=colour("ink"))
