"""Settings, findings and figures in words, for the story. What is foreign comes out escaped."""

from collections.abc import Iterable, Sequence
from typing import get_args

from orchestrator.report.escape import inline
from orchestrator.report.final_report import EnsembleSummary
from orchestrator.report.quantities import seconds
from orchestrator.slowness.throughput import Collapse
from orchestrator.slowness.watchdog import LatePhase
from state.records import Adjustment, Finding, PhaseName

PHASES: tuple[str, ...] = get_args(PhaseName)
SETTINGS = {
    "clip_scale": "the factor of the clipping norm",
    "complexity_scale": "the penalty on complexity",
    "decay_from": "the start of the decay",
    "fusion_scale": "the factor of fusion",
    "leaf_pool": "the pool of leaves",
    "lr_scale": "the factor of the learning rate",
    "max_depth": "the greatest depth",
    "max_nodes": "the most nodes",
    "population_scale": "the factor of the population",
    "random_members": "the number of random members",
}
DETECTORS = {
    "collapse": "population collapse",
    "punctuated": "punctuated equilibrium",
    "transfer": "transfer interference",
}


def changes(adjustments: Iterable[Adjustment]) -> str:
    """`the mutation rate went from 0.5 to 0.7 and dropout from 0 to 0.1`; empty for none."""
    return listed(
        [
            f"{setting(one.setting)} {'' if index else 'went '}from {_figure(one.before)} to "
            f"{_figure(one.after)}"
            for index, one in enumerate(adjustments)
        ]
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def setting(name: str) -> str:
    """A setting with its article; `cambrian steps` are the steps of Cambrian."""
    if name in SETTINGS:
        return SETTINGS[name]
    words = name.replace("_", " ").split()
    phase = next((word for word in words if word in PHASES), None)
    if phase is not None:
        others = " ".join(word for word in words if word != phase)
        return f"the {inline(others)} of {phase.capitalize()}"
    return f"the {inline(' '.join(words))}"


def found(findings: Sequence[Finding]) -> str:
    """`stagnation (no new best for 130 steps) and collapse (2 distinct genomes among 10)`."""
    return listed([f"{detector(one.detector)} ({inline(one.reason)})" for one in findings])


def detector(name: str) -> str:
    """What a detector looks for."""
    return inline(DETECTORS.get(name, name.replace("_", " ")))


def lateness(late: LatePhase) -> str:
    """A phase that took too long."""
    return (
        f"the phase was slow: it took {seconds(late.elapsed_seconds)}, where the pace before it "
        f"planned {seconds(late.planned_seconds)}"
    )


def collapse(one: Collapse) -> str:
    """Members that became slower."""
    again = "" if one.times == 1 else f", {one.times} times in the phase"
    return (
        f"throughput collapsed{again}: {one.tokens_per_sec:,.0f} tokens/s, where "
        f"{one.usual_tokens_per_sec:,.0f} were usual"
    )


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def generations(numbers: Iterable[int]) -> str:
    """`generation 4`, `generations 4 to 9`, `generations 4 and 7`, `6 generations from 4 to 20`."""
    known = sorted(set(numbers))
    if len(known) < 2:
        return f"generation {''.join(map(str, known))}"
    first, last = known[0], known[-1]
    if last - first == len(known) - 1:
        return f"generations {first} to {last}"
    if len(known) > 4:
        return f"{len(known)} generations from {first} to {last}"
    return f"generations {listed([str(one) for one in known])}"


def counted(number: int, noun: str) -> str:
    """`1 step`, `1,200 steps`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def why_not_taught(ensemble: EnsembleSummary) -> str:
    """Half a sentence."""
    if ensemble.refused == "passes" and ensemble.host_passes is not None:
        times = f"{ensemble.host_passes:.1f}"
        return f"the host passes over the text only {times} times, too seldom to need teachers"
    if ensemble.refused == "steps":
        return "the run was short of steps, and the host trains far longer than they did"
    return "the gain was too small to pay for teachers"


def percent(share: float) -> str:
    """A share with two decimals, without its sign."""
    return f"{abs(100 * share):.2f} %"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."
