"""Does the composite mean something? Tables of docs/design/battery.md.

python -m benchmarks.battery.table --scratch FOLDER [--save]

Every training is judged three times: with the shipped weights, with weights fitted on the other
source alone (historic.txt and historic-prose are one source), and by the heuristic that the battery
replaces.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from pydantic import JsonValue
from scipy.stats import spearmanr

from benchmarks.battery.fit import bits, fit, floor_checkpoint
from benchmarks.battery.judge import Judged, Verdicts, all_verdicts
from benchmarks.recording import write_result
from inference_battery.score import composite
from inference_battery.weights import COMPOSITE_VERSION, WEIGHTS

SOURCES = {"historic": "books", "historic-prose": "books", "tinyshakespeare": "shakespeare"}

Score = Callable[[Judged], float]


def main() -> None:
    """Print the tables; `--save` writes results/battery.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    found = list(all_verdicts(arguments.scratch))
    others = {
        source: fit([one for one in found if SOURCES[one.corpus] != source])
        for source in dict.fromkeys(SOURCES[one.corpus] for one in found)
    }
    everything = fit(found)
    rows = [row(one, others[SOURCES[one.corpus]]) for one in found]
    print(*spearman_table(rows), "", *fakes_table(found), "", *weights_table(everything, others))
    for name, value in everything.items():
        print(f"{name:18} fitted on all {value:.4f}, shipped {WEIGHTS[name]:.4f}")
    if arguments.save:
        print(write_result("battery", figures(found, rows, everything, others)))


def figures(
    found: Sequence[Verdicts],
    rows: Sequence[dict[str, JsonValue]],
    everything: Mapping[str, float],
    others: Mapping[str, Mapping[str, float]],
) -> dict[str, JsonValue]:
    """Everything that the tables are made of."""
    return {
        "version": COMPOSITE_VERSION,
        "shipped": dict(WEIGHTS),
        "fitted_on_all": dict(everything),
        "fitted_without": {source: dict(weights) for source, weights in others.items()},
        "spearman": list(rows),
        "verdicts": [one.model_dump(mode="json") for one in found],
    }


def row(one: Verdicts, others: Mapping[str, float]) -> dict[str, JsonValue]:
    """Rank correlations of one training, and whether every fake lies where it should."""
    shipped, left_out = _by(WEIGHTS), _by(others)
    floor = floor_checkpoint(one)
    return {
        "corpus": one.corpus,
        "seed": one.seed,
        "shipped": rank_correlation(one, shipped),
        "left_out": rank_correlation(one, left_out),
        "left_out_gate": rank_correlation(one, _by(others, gate=True)),
        "original": rank_correlation(one, lambda judged: judged.original),
        "people": left_out(one.people),
        "last_checkpoint": left_out(one.checkpoints[-1]),
        "floor_checkpoint": left_out(floor),
        "best_fake": max(left_out(fake) for fake in one.fakes),
        "flagged": [source.source for source in one.sources if source.memorised],
    }


def rank_correlation(one: Verdicts, score: Score) -> float:
    """Spearman's, of a score with falling test bits per byte, over the checkpoints."""
    losses = [-bits(each) for each in one.checkpoints]
    return float(spearmanr(losses, [score(each) for each in one.checkpoints]).statistic)


def spearman_table(rows: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """A line a training."""
    names = ("shipped", "left_out", "left_out_gate", "original")
    places = ("people", "last_checkpoint", "floor_checkpoint", "best_fake")
    lines = [
        "\n| corpus | seed | shipped weights | weights of the other source | the same at a gate "
        "| the old heuristic | people | last checkpoint | 21 % checkpoint | best fake |",
        "\n|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        cells = [f"{one[name]:.3f}" for name in (*names, *places)]
        lines.append(f"\n| {one['corpus']} | {one['seed']} | {' | '.join(cells)} |")
    return lines


def fakes_table(found: Sequence[Verdicts]) -> list[str]:
    """Composite and old heuristic of every source that is no checkpoint, means over trainings."""
    shipped = _by(WEIGHTS)
    lines = [
        "\n| text | composite | least | most | flagged as memorised | the old heuristic |",
        "\n|---|---|---|---|---|---|",
    ]
    kinds = [one.source for one in found[0].sources if one.step is None]
    sources = {kind: [_source(one, kind) for one in found] for kind in kinds}
    sources["last checkpoint"] = [one.checkpoints[-1] for one in found]
    sources["21 % checkpoint"] = [floor_checkpoint(one) for one in found]
    for kind, many in sorted(
        sources.items(), key=lambda item: -fmean(shipped(one) for one in item[1])
    ):
        scores = [shipped(one) for one in many]
        flagged = sum(one.memorised for one in many)
        old = fmean(one.original for one in many)
        lines.append(
            f"\n| {kind.replace('_', ' ')} | {fmean(scores):.3f} | {min(scores):.3f} "
            f"| {max(scores):.3f} | {flagged} of {len(many)} | {old:.3f} |"
        )
    return lines


def weights_table(
    everything: Mapping[str, float], others: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """What each source alone would have made of the weights."""
    names = list(others)
    lines = [
        f"\n| probe | all | {' | '.join(f'without {name}' for name in names)} |",
        f"\n|---|---|{'---|' * len(names)}",
    ]
    for probe, value in everything.items():
        cells = [f"{others[name][probe]:.2f}" for name in names]
        lines.append(f"\n| {probe.replace('_', ' ')} | {value:.2f} | {' | '.join(cells)} |")
    return lines


def _by(weights: Mapping[str, float], *, gate: bool = False) -> Score:
    return lambda one: composite(one.gate_probes if gate else one.probes, weights)


def _source(one: Verdicts, name: str) -> Judged:
    return next(each for each in one.sources if each.source == name)


if __name__ == "__main__":
    main()
