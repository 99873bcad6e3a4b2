"""Which figure belongs to which section, and what it shows in words."""

from collections.abc import Collection
from typing import NamedTuple


class Section(NamedTuple):
    """A part of a report; `text` is markdown."""

    name: str
    title: str
    text: str


class Illustration(NamedTuple):
    """A figure and what a reader who cannot see it must know."""

    name: str
    section: str
    title: str
    caption: str


ILLUSTRATIONS = (
    Illustration(
        "result",
        "result",
        "Bits per byte of the run beside its references",
        "Thin bars are 95 % bootstrap intervals over stretches of the text, beside a lead those of "
        "the paired difference. They say how well this text can tell these models apart, not how "
        "another seed would have done.",
    ),
    Illustration(
        "activations",
        "activation",
        "Curves of the activations",
        "The one that was handed over is drawn thick, those that were accepted on the way thin, "
        "well-known ones in grey. Of a gated activation the part inside the gate is drawn.",
    ),
    Illustration(
        "course",
        "phases",
        "Search loss over the budget",
        "Search bits per byte after each generation. A thin line is a lineage's champion, a dot a "
        "challenger with the step it took from its champion; a control is drawn over its own "
        "steps. References are measured on the final split.",
    ),
    Illustration(
        "lineage",
        "tried",
        "Who descended from whom",
        "A lane is a lineage, its colour the champion's formula. A number is a challenger that was "
        "accepted after that generation; a slanted line leads from the lineage it came from. A "
        "star marks the model that was handed over.",
    ),
    Illustration(
        "gains",
        "tried",
        "What challengers gained, and what they had to gain",
        "A diamond is the champion again on other batches: what looks like a gain there is noise. "
        "A challenger counts only above the limit, and has to show it a second time. A triangle "
        "stands for one that lost more than the figure shows.",
    ),
    Illustration(
        "synchrony",
        "synchrony",
        "Synchrony of the lineages",
        "The order parameter r of the Kuramoto model after each generation; below the broken line "
        "it is no more than independent lineages show by chance.",
    ),
    Illustration(
        "battery",
        "writing",
        "The inference battery after each phase",
        "The composite with its 95 % interval over prompts, and below it each probe from 0 to 1, "
        "in the same order, with its last score.",
    ),
    Illustration(
        "loss",
        "course",
        "Loss over the steps",
        "Training loss of each step (thin) with its running mean, and the whole search split at "
        "each evaluation.",
    ),
    Illustration(
        "instruments",
        "course",
        "What the instruments read",
        "Each is read every few steps; where nothing was read the line has a gap.",
    ),
    Illustration(
        "charts",
        "seen",
        "CUSUM charts",
        "Each sum grows while its signal stays away from what it was; above the limit it alarms.",
    ),
    Illustration(
        "steps",
        "seen",
        "Gradient, clipping, speed and batch",
        "Of each step, thinned out where there are many: the least and the greatest stay.",
    ),
    Illustration(
        "cost",
        "cost",
        "Where steps and time went",
        "Member-steps by who took them, and wall time by kind of work.",
    ),
)


def of_section(name: str) -> tuple[Illustration, ...]:
    """Its figures in order."""
    return tuple(one for one in ILLUSTRATIONS if one.section == name)


def pictures(section: str, figures: Collection[str]) -> list[str]:
    """Markdown images of those of a section that were drawn."""
    shown = (one for one in of_section(section) if one.name in figures)
    return [f"![{one.title}](figures/{one.name}.png)\n\n*{one.caption}*" for one in shown]
