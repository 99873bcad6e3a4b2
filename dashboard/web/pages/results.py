"""What the pages of the battery and of the samples show."""

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.web.figures.battery import probe_names, shown_name
from dashboard.web.figures.run_view import RunView
from state.records import BatteryReport, Sample
from state.store_rows import StoredSample

MOST_PROMPTS = 20
MOST_PLACES = 4
"""Columns side by side."""


class ProbeRow(NamedTuple):
    """One probe over all reports."""

    name: str
    scores: tuple[float | None, ...]


class Place(NamedTuple):
    """When samples were drawn."""

    phase: str
    generation: int
    step: int

    @property
    def key(self) -> str:
        """For an address."""
        return f"{self.generation}-{self.step}"


class SampleLine(NamedTuple):
    """What was written at one temperature, a list for each column."""

    temperature: float
    texts: tuple[tuple[Sample, ...], ...]


class SampleRow(NamedTuple):
    """A prompt and what was written after it."""

    prompt: str
    lines: tuple[SampleLine, ...]
    """By temperature, the lowest first."""


class SampleTable(NamedTuple):
    """The samples that were asked for."""

    places: tuple[Place, ...]
    """All there are, oldest first."""
    chosen: tuple[Place, ...]
    temperatures: tuple[float, ...]
    temperature: float | None
    rows: tuple[SampleRow, ...]
    num_hidden: int


def report_names(reports: Sequence[BatteryReport]) -> list[str]:
    """A short name of each."""
    return [shown_name(report) for report in reports]


def probe_rows(reports: Sequence[BatteryReport]) -> list[ProbeRow]:
    """The probes' scores, a column a report."""
    scores = [{probe.name: probe.score for probe in report.probes} for report in reports]
    return [
        ProbeRow(name.replace("_", " "), tuple(one.get(name) for one in scores))
        for name in probe_names(reports)
    ]


def sample_table(
    view: RunView, chosen: Sequence[str], temperature: float | None, *, whole: bool = False
) -> SampleTable:
    """Samples by prompt, a column each for the chosen places: without a choice the first and the
    last ones.
    """
    samples = view.samples
    places = tuple(dict.fromkeys(map(_place, samples)))
    known = {place.key: place for place in places}
    own = [known[key] for key in dict.fromkeys(chosen) if key in known][:MOST_PLACES]
    if not own:
        own = [places[0], places[-1]] if len(places) > 1 else list(places)
    own.sort(key=places.index)
    temperatures = tuple(sorted({one.sample.temperature for one in samples}))
    if temperature not in temperatures:
        temperature = None
    shown = [one for one in samples if temperature is None or one.sample.temperature == temperature]
    rows = _rows(shown, own)
    most = len(rows) if whole else MOST_PROMPTS
    return SampleTable(
        *(places, tuple(own), temperatures, temperature),
        rows=tuple(rows[:most]),
        num_hidden=max(0, len(rows) - most),
    )


def _place(one: StoredSample) -> Place:
    return Place(one.phase, one.generation, one.step)


def _rows(samples: Sequence[StoredSample], chosen: Sequence[Place]) -> list[SampleRow]:
    """What can be compared comes first."""
    prompts: dict[str, dict[float, list[list[Sample]]]] = {}
    for one in samples:
        place, sample = _place(one), one.sample
        if place in chosen:
            lines = prompts.setdefault(sample.prompt, {})
            columns = lines.setdefault(sample.temperature, [[] for _ in chosen])
            columns[chosen.index(place)].append(sample)
    rows = [
        SampleRow(
            prompt,
            tuple(
                SampleLine(temperature, tuple(map(tuple, columns)))
                for temperature, columns in sorted(lines.items())
            ),
        )
        for prompt, lines in prompts.items()
    ]
    return sorted(rows, key=lambda row: -max(sum(map(bool, line.texts)) for line in row.lines))
