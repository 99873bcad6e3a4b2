"""What stands on the page, in order: a pure function of the evidence and the figures."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from orchestrator.report import interim, markdown, train_markdown
from orchestrator.report.escape import code
from orchestrator.report.final_report import FinalReport
from orchestrator.report.illustrations import Illustration, Section, of_section
from orchestrator.report.interim import Interim
from orchestrator.report.page.before_after import Pair, before_and_after
from orchestrator.report.page.configuration import settings
from orchestrator.report.page.descent import births
from orchestrator.report.page.disturbances import disturbances
from orchestrator.report.page.evidence import Evidence
from orchestrator.report.page.glossary import SINGLE, WORDS
from orchestrator.report.page.rich_text import html, inline_html, table_html
from orchestrator.report.page.tiles import Tile, tiles
from orchestrator.report.quantities import signed
from orchestrator.report.train_report import TrainReport

FIGURES_LAST = ("result", "activation", "reproduce")
"""Sections that are read before their figures are looked at."""


class Drawn(NamedTuple):
    """A figure on the page."""

    told: Illustration
    svg: Markup


class Part(NamedTuple):
    """A section of the page."""

    name: str
    title: Markup
    text: Markup
    figures: tuple[Drawn, ...] = ()
    pairs: tuple[Pair, ...] = ()
    folded: tuple[tuple[str, Markup], ...] = ()
    """Title and content of what a reader may open."""

    @property
    def figures_last(self) -> bool:
        """The text comes first."""
        return self.name in FIGURES_LAST


class Page(NamedTuple):
    """All that the template shows."""

    title: Markup
    facts: tuple[str, ...]
    is_finished: bool
    tiles: tuple[Tile, ...]
    parts: tuple[Part, ...]
    words: tuple[tuple[str, str], ...]


def page_of(seen: Evidence, told: Interim, figures: Mapping[str, str], run: str) -> Page:
    """The page; `figures` are SVG by name, `run` is what commands call the run."""
    sections = _sections(seen, told)
    parts = [_part(one, seen, figures) for one in sections]
    parts.append(_part(Section("incidents", "Incidents", disturbances(seen)), seen, figures))
    parts.append(_configuration(seen))
    if seen.report is not None:
        # How to make it again comes last, with how to check it.
        again = next(one for one in parts if one.name == "reproduce")
        parts.remove(again)
        parts.append(again._replace(text=again.text + _check(run)))
    return Page(
        title=inline_html(sections[0].title),
        facts=_facts(seen),
        is_finished=seen.report is not None,
        tiles=tiles(seen),
        parts=tuple(parts),
        words=tuple(one for one in WORDS if not seen.is_single or one[0] in SINGLE),
    )


def _sections(seen: Evidence, told: Interim) -> tuple[Section, ...]:
    match seen.report:
        case FinalReport():
            return markdown.sections(seen.report)
        case TrainReport():
            return train_markdown.sections(seen.report)
        case None:
            return interim.sections(told)


def _part(section: Section, seen: Evidence, figures: Mapping[str, str]) -> Part:
    drawn = tuple(
        Drawn(one, Markup(figures[one.name]))
        for one in of_section(section.name)
        if one.name in figures
    )
    title, text = section.title, section.text
    if section.name == "result":
        # The tiles above it hold what the table holds.
        paragraphs = (one for one in text.split("\n\n") if not one.startswith("| "))
        title = "So far" if seen.report is None else "The result"
        text = "\n\n".join(paragraphs)
    pairs = before_and_after(seen.samples, single=seen.is_single)
    return Part(
        name=section.name,
        title=inline_html(title),
        text=html(text),
        figures=drawn,
        pairs=tuple(pairs) if section.name == "writing" else (),
        folded=_folded(section.name, seen),
    )


def _folded(section: str, seen: Evidence) -> tuple[tuple[str, Markup], ...]:
    """Under what was tried: the numbers of the tree."""
    born = list(births(seen.members))
    if section != "tried" or not born:
        return ()
    taken = [one for one in seen.members if one.status == "accepted"]
    rows = [
        [
            str(birth.number),
            code(one.genome.formula),
            f"{one.phase.capitalize()} {one.generation}",
            f"lineage {one.lineage}",
            code(one.operator.replace("_", " ")),
            " and ".join(map(code, one.parents)),
            signed(one.gain),
            signed(one.gain_limit),
        ]
        for birth, one in zip(born, taken, strict=True)
    ]
    header = ["no.", "formula", "accepted in", "by", "made by", "from", "gain", "needed"]
    return (("The numbers of the tree", table_html(header, rows)),)


def _configuration(seen: Evidence) -> Part:
    rows = settings(seen.saved.config)
    return Part(
        name="configuration",
        title=Markup("Configuration"),
        text=Markup("<p>Every setting as it was resolved when the run began.</p>"),
        folded=((f"All {len(rows)} settings", table_html(["setting", "value"], rows)),),
    )


def _check(run: str) -> Markup:
    command = f"symbio-auto verify {run} --replay"
    return html("Check every byte, figure and decision of it:") + Markup(
        '<pre tabindex="0">{}</pre>'
    ).format(command)


def _facts(seen: Evidence) -> tuple[str, ...]:
    config, run = seen.saved.config, seen.saved.run
    paths: Sequence[str] = config.data.paths
    facts = [
        f"{', '.join(paths)}",
        f"{run.ledger.budget:,} {'steps' if seen.is_single else 'member-steps'}",
        f"seed {config.seed}",
    ]
    if seen.report is not None:
        model = seen.report.model
        facts.insert(1, f"{seen.report.data.bytes:,} bytes")
        facts.insert(2, f"model {model.size}, {model.parameters:,} parameters")
    begun = seen.begun[:16].replace("T", " ")
    return (*facts, *((f"begun {begun} UTC",) if begun else ()))
