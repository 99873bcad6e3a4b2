"""Draw docs/figures/kuramoto.svg from results/kuramoto.json.

python -m benchmarks.kuramoto_figure

The colours keep their contrast on a white and on a dark page; the ground is transparent.
"""

import json
from pathlib import Path
from typing import TypedDict

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.kuramoto import theory
from benchmarks.recording import RESULTS

FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "kuramoto.svg"
INK, THEORY, MEASURED, CHANCE = "#768390", "#8b949e", "#2f81f7", "#d4762c"


class Row(TypedDict):
    """One point of the study."""

    oscillators: int
    ratio: float
    seeds: int
    r: float
    spread: float
    theory: float


def main() -> None:
    """Read the results and write the figure."""
    results = json.loads((RESULTS / "kuramoto.json").read_text(encoding="utf-8"))
    FIGURE.parent.mkdir(exist_ok=True)
    set_style()
    figure = draw(results["curve"], results["below"])
    figure.savefig(FIGURE, transparent=True, metadata={"Date": None})
    print(FIGURE)


def set_style() -> None:
    """Ink on nothing; the same bytes each time."""
    mpl.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK})
    mpl.rcParams.update({"xtick.color": INK, "ytick.color": INK})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams.update({"svg.hashsalt": "kuramoto", "font.size": 10, "axes.titlesize": 10})


def draw(curve: list[Row], below: list[Row]) -> Figure:
    """The order parameter over the coupling, and below the critical one over the number."""
    figure = Figure(figsize=(8.4, 3.5), layout="constrained")
    wide, narrow = figure.subplots(1, 2, width_ratios=(1.75, 1))
    _above(wide, [row for row in curve if row["oscillators"] == 2000])
    _below(narrow, below)
    return figure


def _above(axes: Axes, rows: list[Row]) -> None:
    ratios = 1 + np.linspace(0, 1, 200) ** 2 * 3.2
    levels = [theory(2000, float(ratio)) if ratio > 1 else 0.0 for ratio in ratios]
    axes.plot([0, *ratios], [0, *levels], color=THEORY, linewidth=1.5, zorder=1)
    _points(axes, [row["ratio"] for row in rows], rows)
    # Lines of text end where the curve leaves room.
    axes.annotate("theory\n$\\sqrt{1 - K_c / K}$", (1.38, 0.78), color=INK, ha="center")
    axes.annotate(f"2,000 oscillators, {rows[0]['seeds']} draws", (2.15, 0.62), color=MEASURED)
    axes.annotate("each on its own", (0.5, 0.09), color=INK, ha="center")
    axes.set(xlim=(0, 4.2), ylim=(0, 1), xlabel="coupling $K / K_c$", title="order parameter $r$")
    axes.set_yticks([0, 0.5, 1])
    axes.set_xticks([0, 1, 2, 3, 4])


def _below(axes: Axes, rows: list[Row]) -> None:
    sizes = np.array([330, 12_000])
    ratio = rows[0]["ratio"]
    axes.plot(sizes, 1 / np.sqrt(sizes), color=CHANCE, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(sizes, 1 / np.sqrt(sizes * (1 - ratio)), color=THEORY, linewidth=1.5, zorder=1)
    _points(axes, [row["oscillators"] for row in rows], rows)
    axes.annotate("theory\n$\\sqrt{2 / N}$", (2600, 0.036), color=INK)
    axes.annotate("uncoupled\n$1 / \\sqrt{N}$", (375, 0.0205), color=CHANCE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator([row["oscillators"] for row in rows]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(FixedLocator([0.01, 0.02, 0.05]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.2f}")
    axes.set(xlim=(330, 12_000), ylim=(0.009, 0.08), xlabel="oscillators $N$")
    axes.set_title("$r$ at half the critical coupling")


def _points(axes: Axes, places: list[float] | list[int], rows: list[Row]) -> None:
    """Means with one standard deviation over the draws to either side."""
    axes.errorbar(
        places,
        [row["r"] for row in rows],
        [row["spread"] for row in rows],
        fmt="o",
        color=MEASURED,
        markersize=4.5,
        elinewidth=1.2,
        clip_on=False,
        zorder=2,
    )


if __name__ == "__main__":
    main()
