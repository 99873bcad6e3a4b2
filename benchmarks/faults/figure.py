"""Draw docs/figures/faults.svg from results/faults.json.

python -m benchmarks.faults.figure

Share of the runs that have the finding, generation by generation from the planted one on, with its
answer and without. The colours keep their contrast on a white and on a dark page.
"""

import json
from pathlib import Path
from typing import TypedDict

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.faults.cases import CASES, Case
from benchmarks.kuramoto_figure import INK, set_style
from benchmarks.recording import RESULTS

FIGURE = Path(__file__).parents[2] / "docs" / "figures" / "faults.svg"
COLOURS = {"own": "#2f81f7", "none": "#d4762c"}
NAMES = {"own": "answered", "none": "answer withheld"}
COLUMNS = 4


class Told(TypedDict):
    """A run as the results have it."""

    case: str
    arm: str
    planted: int
    generations: int
    found: dict[str, list[int]]


def main() -> None:
    """Read the results and write the figure."""
    results = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))
    set_style()
    FIGURE.parent.mkdir(exist_ok=True)
    draw(results["courses"]).savefig(FIGURE, transparent=True, metadata={"Date": None})
    print(FIGURE)


def draw(courses: list[Told]) -> Figure:
    """One panel a finding."""
    planted = [case for case in CASES if case.finding]
    rows = -(-len(planted) // COLUMNS)
    figure = Figure(figsize=(9.6, 1.9 * rows), layout="constrained")
    panels = list(figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flat)
    for axes, case in zip(panels, planted, strict=False):
        _panel(axes, case, [one for one in courses if one["case"] == case.name])
    for axes in panels[len(planted) :]:
        axes.set_axis_off()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, labelcolor=INK)
    return figure


def _panel(axes: Axes, case: Case, courses: list[Told]) -> None:
    assert case.finding is not None
    for arm, colour in COLOURS.items():
        shares = shares_with(case.finding, [one for one in courses if one["arm"] == arm])
        axes.plot(range(len(shares)), shares, color=colour, label=NAMES[arm], linewidth=1.5)
    axes.set(title=case.finding.replace("_", " "), ylim=(-0.05, 1.05), xlabel="generations")
    axes.set_yticks([0, 1], ["0", "all runs"])


def shares_with(finding: str, courses: list[Told]) -> list[float]:
    """Share of the runs with the finding, as long as one of them goes on."""
    spans = [range(one["planted"], one["generations"]) for one in courses]
    shares = []
    for offset in range(max(map(len, spans), default=0)):
        there = [
            (one, span[offset])
            for one, span in zip(courses, spans, strict=True)
            if offset < len(span)
        ]
        having = sum(number in one["found"].get(finding, []) for one, number in there)
        shares.append(having / len(there))
    return shares


if __name__ == "__main__":
    main()
