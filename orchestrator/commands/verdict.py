"""What a finished run came to, for whoever looks at it afterwards. Nothing is written."""

import json
from collections.abc import Callable

from rich.console import Console
from rich.markdown import Markdown

from orchestrator.report.final_report import FinalReport
from orchestrator.report.finish import AnyReport, headline
from orchestrator.report.train_report import TrainReport
from state.commit import CommitRecord
from state.pasted import pasted
from state.run_folder import RunFolder


def print_verdict(
    folder: RunFolder, record: CommitRecord, above: Callable[[int], object] = lambda _: None
) -> None:
    """The result and what it must be compared with, the formula, and where everything is.

    `above` prints what there is room for above so many lines.
    """
    lines = verdict_lines(folder, record)
    report = read_report(folder)
    console = Console()
    shown = Markdown(headline(report)) if report else None
    above((len(console.render_lines(shown, pad=False)) if shown else 0) + len(lines) + 2)
    if shown:
        console.print(shown)
    for line in lines:
        print(line)


def verdict_lines(folder: RunFolder, record: CommitRecord) -> list[str]:
    """The lines under the result, each with its path or its command."""
    report = read_report(folder)
    lines = [f"run {record.run_id} is finished, {record.summary.get('spent')} steps spent"]
    if report is None:
        best = record.summary.get("best_bits_per_byte")
        lines.append(f"best    {best} bits per byte on the search split")
        return [
            *lines,
            f"its report cannot be read; write it again: symbio-auto report {pasted(folder.root)}",
        ]
    lines.append(f"formula {_formula(report)}")
    if folder.model.is_dir():
        lines.append(f"model   {folder.model}")
    if folder.report_markdown.is_file():
        lines.append(f"report  {folder.report_markdown}")
    if folder.page.is_file():
        lines.append(f"page    {folder.page}")
    return [*lines, f"extend it with: {_extension(folder, report)}"]


def read_report(folder: RunFolder) -> AnyReport | None:
    """`final-report.json`; None where it is missing, damaged, or of another version."""
    try:
        loaded = json.loads(folder.final_report.read_bytes())
        kind = FinalReport if isinstance(loaded, dict) and "phases" in loaded else TrainReport
        return kind.model_validate(loaded)
    except (OSError, ValueError):
        return None


def _formula(report: AnyReport) -> str:
    return report.winner.formula if isinstance(report, FinalReport) else report.activation


def _extension(folder: RunFolder, report: AnyReport) -> str:
    """The report's own line, for where the folder is now."""
    program = "symbio-auto" if isinstance(report, FinalReport) else "symbio-auto train"
    flag = "--budget" if isinstance(report, FinalReport) else "--iters"
    return f"{program} --resume {pasted(folder.state)} {flag} {2 * report.budget.spent}"
