"""The main job: start a run or resume one, show it, and hand its results over."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from orchestrator.flags import settings_of
from orchestrator.session import Finished, Prepared, execute, prepare_resume, prepare_run
from orchestrator.settings import build_config
from state.run_folder import RunFolder

if TYPE_CHECKING:
    from dashboard.terminal.live import LiveView


def run(arguments: argparse.Namespace, started_at: float) -> int:
    """Start or resume; returns the exit code."""
    prepared = _resume(arguments) if arguments.resume else _start(arguments)
    if prepared.saved.run.status == "finished":
        return _already_finished(prepared)
    if not arguments.json:
        for line in (f"run folder {prepared.folder.root}", *prepared.notes):
            print(line)
    live = not arguments.plain and not arguments.json and _is_terminal()
    listeners = () if live or arguments.json else (_event_line,)
    view = _view(prepared.folder) if live else None
    try:
        finished = execute(prepared, listeners=listeners, started_at=started_at)
    finally:
        if view is not None:
            view.stop()
        if not arguments.json:
            print(f"resume with: symbio-auto --resume {prepared.folder.state}")
    return _hand_over(finished, as_json=arguments.json)


def _start(arguments: argparse.Namespace) -> Prepared:
    config = build_config(settings_of(arguments), config_file=arguments.config)
    if "run_dir" not in config.model_fields_set:
        config = config.model_copy(update={"run_dir": str(_free_folder(Path(config.run_dir)))})
    return prepare_run(config)


def _free_folder(wanted: Path) -> Path:
    """The default folder, or the first numbered one beside it that holds no run."""
    number, folder = 1, wanted
    while RunFolder(folder).state.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _resume(arguments: argparse.Namespace) -> Prepared:
    given = settings_of(arguments)
    budget = given.pop("budget", None)
    engine = given.pop("engine", {})
    assert isinstance(engine, dict)
    others = [*given, *(name for name in engine if name not in {"engine", "workers"})]
    if others or arguments.config:
        name = others[0] if others else "config"
        raise ValueError(
            f"--resume keeps the run's settings and cannot change {name}; "
            "only --budget, --engine and --workers may be given with it"
        )
    kind, workers = engine.get("engine"), engine.get("workers")
    return prepare_resume(
        arguments.resume,
        budget=budget if isinstance(budget, int) else None,
        engine=str(kind) if kind else None,
        workers=workers if isinstance(workers, int) else None,
    )


def _hand_over(finished: Finished, *, as_json: bool) -> int:
    from orchestrator.commits import restore
    from orchestrator.report.build import finish
    from orchestrator.report.headline import headline
    from state.commit import load_commit

    if finished.state.status != "finished":
        if as_json:
            print(json.dumps({"status": "stopped", "run": str(finished.folder.root)}))
        return finished.exit_code
    saved = restore(load_commit(finished.folder, verify_objects=False).record)
    report = finish(finished.folder, saved)
    if as_json:
        print(report.model_dump_json())
        return 0
    _show(headline(report))
    print(f"model   {finished.folder.model}")
    print(f"report  {finished.folder.report_markdown}")
    return 0


def _show(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def _already_finished(prepared: Prepared) -> int:
    spent = prepared.saved.run.ledger.budget
    print(f"run {prepared.saved.run.run_id} is finished, {spent} steps spent")
    print(f"report  {prepared.folder.report_markdown}")
    print(f"extend it with: symbio-auto --resume {prepared.folder.state} --budget {2 * spent}")
    return 0


def _is_terminal() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _view(folder: RunFolder) -> "LiveView":
    from dashboard.terminal.live import LiveView

    view = LiveView(folder.root)
    view.start()
    return view


def _event_line(kind: str, data: Mapping[str, JsonValue]) -> None:
    from dashboard.terminal.event_lines import plain_line

    print(plain_line({"kind": kind, **data}), flush=True)
