"""Drawing a run: figures, page, and the report's text with the figures in it.

It is a view. Whatever cannot be drawn becomes one line, and the rest is drawn.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.commits import Saved
from orchestrator.figures.style import DARK, LIGHT, Figure, NothingToDraw, png, root_variables, svg
from orchestrator.report.finish import AnyReport, markdown
from orchestrator.report.illustrations import ILLUSTRATIONS
from orchestrator.report.interim import interim_of
from orchestrator.report.page import descent, plots, train_plots
from orchestrator.report.page.clock import Clock, clock_of
from orchestrator.report.page.evidence import Evidence, read_evidence
from orchestrator.report.page.view import page_of
from state.commit import CommitRecord
from state.metrics_store import MetricsStore
from state.progress import SILENT, Reporter
from state.run_folder import RunFolder

Maker = Callable[[Evidence, Clock], Figure]

OF_PHASES: Mapping[str, Maker] = {
    "result": plots.result,
    "activations": plots.activations,
    "course": plots.course,
    "lineage": descent.lineage,
    "gains": plots.gains,
    "synchrony": plots.synchrony,
    "battery": plots.battery,
    "cost": plots.cost,
}
OF_ONE_MODEL: Mapping[str, Maker] = {
    "result": plots.result,
    "activations": plots.activations,
    "loss": train_plots.loss,
    "instruments": train_plots.instruments,
    "charts": train_plots.charts,
    "steps": train_plots.telemetry,
    "gains": plots.gains,
    "cost": plots.cost,
}


class Drawing(NamedTuple):
    """What was written."""

    page: Path
    figures: tuple[str, ...]
    problems: tuple[str, ...]
    """One line for each figure that could not be drawn."""


def draw(
    folder: RunFolder,
    record: CommitRecord,
    saved: Saved,
    report: AnyReport | None,
    progress: Reporter = SILENT,
) -> Drawing:
    """Write report.html and figures/*.png, and report.md with the figures where it is finished.

    Raises:
        OSError: they cannot be written.
        ValueError: the store cannot be read.
    """
    seen = read_evidence(folder, record, saved, report)
    drawn, problems = _figures(seen, progress)
    folder.figures.mkdir(exist_ok=True)
    for one in ILLUSTRATIONS:
        path = folder.figures / f"{one.name}.png"
        if one.name in drawn:
            _replace(folder, path, drawn[one.name][1])
        else:
            path.unlink(missing_ok=True)
    inline = {name: vector for name, (vector, _) in drawn.items()}
    _replace(folder, folder.page, _page(folder, seen, inline).encode())
    if report is not None:
        _replace(folder, folder.report_markdown, markdown(report, drawn).encode())
    return Drawing(folder.page, tuple(drawn), problems)


def _figures(
    seen: Evidence, progress: Reporter
) -> tuple[dict[str, tuple[str, bytes]], tuple[str, ...]]:
    """SVG and PNG by name, and what went wrong."""
    clock = clock_of(seen.phases, seen.members)
    titles = {one.name: one.title for one in ILLUSTRATIONS}
    drawn, problems = {}, []
    makers = OF_ONE_MODEL if seen.is_single else OF_PHASES
    with progress.work("drawing", len(makers), "figures", beats=True) as advance:
        for done, (name, make) in enumerate(makers.items()):
            advance(done)
            try:
                figure = make(seen, clock)
                drawn[name] = (svg(figure, name, titles[name]), png(figure))
            except NothingToDraw:
                continue
            except Exception as error:  # noqa: BLE001 - a view must not cost the run its report
                reason = next(iter(str(error).splitlines()), "") or type(error).__name__
                problems.append(f"figure {name} could not be drawn: {reason}")
    return drawn, tuple(problems)


def _page(folder: RunFolder, seen: Evidence, figures: Mapping[str, str]) -> str:
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        told = interim_of(seen.saved, store)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        page=page_of(seen, told, figures, str(folder.root)),
        light=root_variables(LIGHT),
        dark=root_variables(DARK),
    )


def _replace(folder: RunFolder, path: Path, data: bytes) -> None:
    """All of it or nothing, but not durable: it can be drawn again. A kill leaves litter where a
    resumed run removes it.
    """
    temporary = folder.root / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
