"""The report of a run of either mode: built, written, and put into words."""

from collections.abc import Collection
from typing import assert_never

from orchestrator.commits import Saved
from orchestrator.report import headline as phases_headline
from orchestrator.report import markdown as phases_markdown
from orchestrator.report import train_markdown
from orchestrator.report.build import build_report
from orchestrator.report.final_report import FinalReport
from orchestrator.report.run_facts import final_of
from orchestrator.report.train_build import build_train_report
from orchestrator.report.train_report import TrainReport
from orchestrator.stages.finale import winner_of
from state.run_folder import RunFolder

AnyReport = FinalReport | TrainReport


def finish(folder: RunFolder, saved: Saved) -> AnyReport:
    """Export the winner and write final-report.json and report.md.

    Raises:
        ValueError: the run is not finished.
    """
    from state.durable import write_atomically
    from state.objects import ObjectStore
    from trainer.export import export_torch

    final_of(saved.run)
    winner = winner_of(saved.run)
    export_torch(
        ObjectStore(folder.objects),
        winner.checkpoint,
        folder.model,
        folder.data / "tokenizer.json",
    )
    report = report_of(folder, saved)
    write_atomically(folder.final_report, report_json(report, indent=2).encode())
    write_atomically(folder.report_markdown, markdown(report).encode())
    return report


def report_of(folder: RunFolder, saved: Saved) -> AnyReport:
    """The report of a finished run whose model is exported.

    Raises:
        ValueError: the run is not finished.
    """
    match saved.config.mode:
        case "phases":
            return build_report(folder, saved)
        case "train":
            return build_train_report(folder, saved)
        case _:
            assert_never(saved.config.mode)


def report_json(report: AnyReport, indent: int | None = None) -> str:
    """`final-report.json`; where no text was held out for a test it has none."""
    exclude = {"test"} if report.test is None else set()
    return report.model_dump_json(indent=indent, exclude=exclude)


def markdown(report: AnyReport, figures: Collection[str] = ()) -> str:
    """`report.md`, with those figures that were drawn."""
    match report:
        case FinalReport():
            return phases_markdown.markdown(report, figures)
        case TrainReport():
            return train_markdown.markdown(report, figures)
        case _:
            assert_never(report)


def headline(report: AnyReport) -> str:
    """The first lines of it."""
    match report:
        case FinalReport():
            return phases_headline.headline(report)
        case TrainReport():
            return train_markdown.headline(report)
        case _:
            assert_never(report)
