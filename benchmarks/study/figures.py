"""The study's figures, from what was gathered.

python -m benchmarks.study.figures [--scratch FOLDER]
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.kuramoto_figure import INK, set_style
from benchmarks.study.collect import Result, all_results
from benchmarks.study.jobs import SEEDS
from benchmarks.study.plan import TRAIN_TOKENS
from benchmarks.study.ranking import (
    METHODS,
    Method,
    agreement,
    cost_share,
    mean_scores,
    regret,
    scores,
    truth,
)
from benchmarks.study.short_plan import KNOWN
from benchmarks.study.specs import Shape
from benchmarks.study.tables import Finals, finals, number

LONG = 24_000
PLACED = ("gelu", "silu", "relu", "relu2", "swiglu", "geglu", "reglu", "tanh")
"""Neither what is far off the scale nor what lies upon another."""
FAVOURED = (
    Method("inherit", 50),
    Method("proxy, narrow", 200),
    Method("proxy, narrow", 1600),
)
FOLDER = Path(__file__).parents[2] / "docs" / "figures"
ARMS = {
    "b 2": ("two models averaged", "#2f81f7", "o"),
    "b 4": ("four models averaged", "#2f81f7", "s"),
    "c host": ("host taught by two", "#2da44e", "D"),
    "c untaught host": ("the same, not taught", "#d4762c", "v"),
}
HOSTS = {"c 2x1500 host": "c host", "c 2x6000 host": "c host"}
UNTAUGHT = {name.replace("c ", "c untaught "): "c untaught host" for name in HOSTS}
COLOURS = {
    "inherit": "#2f81f7",
    "inherit, mean of weights": "#8250df",
    "inherit, anneal": "#2da44e",
    "proxy, narrow": "#d4762c",
    "proxy, short": "#8b949e",
}


def main() -> None:
    """Draw what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    results = all_results(parser.parse_args().scratch)
    set_style()
    drawn = {
        "merging": merging(results),
        "ranking": ranking(results),
        "favour": favour(results),
        "shares": shares(results),
    }
    for name, figure in drawn.items():
        path = FOLDER / f"study-{name}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None})
        print(path)


def merging(results: dict[str, Result]) -> Figure:
    """Each arm's paired difference to the single model, over passes through the text."""
    single, arms = finals(results)
    figure = Figure(figsize=(8.4, 3.7), layout="constrained")
    axes = figure.subplots()
    for arm, (label, colour, marker) in ARMS.items():
        points = sorted(_points(single, arms, arm))
        places, means, spreads = ([point[i] for point in points] for i in range(3))
        axes.errorbar(
            places, means, spreads, color=colour, marker=marker, label=label, capsize=3, linewidth=1
        )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks([6.3, 16.3, 65.3], ["6", "16", "65"])
    axes.minorticks_off()
    axes.set_xlabel("passes of the whole budget through the train text")
    axes.set_ylabel("bits per byte against one model")
    axes.legend(frameon=False, labelcolor=INK)
    return figure


def _points(
    single: Mapping[tuple[str, int, int], float], arms: Finals, wanted: str
) -> list[tuple[float, float, float]]:
    """Passes, mean and standard deviation of the paired differences, for each budget and text."""
    points = []
    for (corpus, budget, arm), by_seed in arms.items():
        if {**HOSTS, **UNTAUGHT}.get(arm, arm) != wanted:
            continue
        values = [
            number(one, "bits_per_byte") - single[corpus, budget, seed]
            for seed, one in by_seed.items()
            if (corpus, budget, seed) in single
        ]
        if len(values) > 1:
            tokens = budget * Shape().batch * Shape().block
            passes = (
                tokens / TRAIN_TOKENS["historic" if corpus == "historic" else "tinyshakespeare"]
            )
            points.append((passes, fmean(values), stdev(values)))
    return points


def ranking(results: Mapping[str, Result]) -> Figure:
    """Agreement with the full-length results and regret of the first choice, over the cost."""
    true = mean_scores([truth(results, seed) for seed in SEEDS])
    figure = Figure(figsize=(8.4, 3.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    for title, colour in COLOURS.items():
        methods = [method for method in METHODS if method.title == title]
        found = [(method, _judged(results, method, true)) for method in methods]
        known = [(method, judged) for method, judged in found if judged]
        costs = [100 * cost_share(method) for method, _ in known]
        for axes, index in ((left, 0), (right, 1)):
            values = [[one[index] for one in judged] for _, judged in known]
            _course(axes, costs, values, title, colour)
    left.set_ylabel("Kendall's tau with the full length")
    right.set_ylabel("bits per byte lost by the first choice")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("cost of one evaluation, percent of a full-length run")
        axes.xaxis.set_major_formatter("{x:g}")
    left.legend(frameon=False, labelcolor=INK, fontsize=8)
    return figure


def favour(results: Mapping[str, Result]) -> Figure:
    """What three evaluations say of each activation, over what it is worth at full length."""
    true = mean_scores([truth(results, seed) for seed in SEEDS])
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(FAVOURED), sharex=True)
    for axes, method in zip(panels, FAVOURED, strict=True):
        found = mean_scores([scores(results, method, seed) for seed in SEEDS])
        names = [name for name in PLACED if name in found]
        across = [true["gelu"] - true[name] for name in names]
        up = [found["gelu"] - found[name] for name in names]
        axes.plot(across, up, "o", color=COLOURS[method.title], markersize=4)
        axes.set_xlim(-0.032, 0.012)
        for name, x, y in zip(names, across, up, strict=True):
            axes.annotate(name, (x, y), textcoords="offset points", xytext=(4, 3), fontsize=6.5)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.set_title(f"{method.title}, {method.steps} steps", fontsize=9)
        axes.set_xlabel("gain over gelu at full length")
    panels[0].set_ylabel("gain over gelu, bits per byte")
    return figure


def shares(results: Mapping[str, Result]) -> Figure:
    """Ensembles and the hosts that they teach at 24,000 steps, by number and length of lineages."""
    single, arms = finals(dict(results))
    figure = Figure(figsize=(8.4, 3.7), layout="constrained")
    axes = figure.subplots()
    found = {}
    for (_, budget, arm), by_seed in arms.items():
        name = re.fullmatch(r"[bc] (?:once )?(\d)(?:x(\d+))?( host)?", arm)
        if budget == LONG and name is not None:
            k, steps = int(name[1]), int(name[2] or LONG // int(name[1]))
            values = [number(one, "bits_per_byte") for one in by_seed.values()]
            found[k * steps, k, steps, bool(name[3])] = values
    places = sorted({key[:3] for key in found})
    for (whole, k, steps, is_host), values in found.items():
        place = places.index((whole, k, steps)) + (0.08 if is_host else -0.08)
        colour, marker = ("#2da44e", "D") if is_host else ("#2f81f7", "o")
        axes.plot([place] * len(values), values, marker, color=colour, markersize=5)
    alone = fmean(bits for (_, budget, _), bits in single.items() if budget == LONG)
    axes.axhline(alone, color=INK, linewidth=0.8)
    axes.annotate("one model straight", (-0.4, alone - 0.004), fontsize=8, color=INK)
    axes.plot([], [], "o", color="#2f81f7", label="lineages averaged")
    axes.plot([], [], "D", color="#2da44e", label="one host that they teach")
    axes.set_xticks(
        range(len(places)),
        [f"{k} x {s:,}\nhost {LONG - w:,}" if w < LONG else f"{k} x {s:,}" for w, k, s in places],
    )
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_ylabel("bits per byte")
    axes.legend(frameon=False, labelcolor=INK, loc="upper right", bbox_to_anchor=(1, 0.9))
    return figure


def _judged(
    results: Mapping[str, Result], method: Method, true: Mapping[str, float]
) -> list[tuple[float, float]]:
    """Tau and regret of each seed; nothing where the method is not complete."""
    seeds = [scores(results, method, seed) for seed in SEEDS]
    if not all(len(one) == len(KNOWN) for one in (*seeds, true)):
        return []
    return [(agreement(one, true), regret(one, true)) for one in seeds]


def _course(
    axes: Axes, costs: list[float], values: list[list[float]], title: str, colour: str
) -> None:
    """Means as a line, seeds as points."""
    axes.plot(costs, [fmean(one) for one in values], color=colour, label=title, linewidth=1.2)
    for cost, one in zip(costs, values, strict=True):
        axes.plot([cost] * len(one), one, ".", color=colour, markersize=4)


if __name__ == "__main__":
    main()
