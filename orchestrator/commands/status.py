"""`symbio-auto status RUN`: where a run stands, from any terminal."""

import argparse
import json
from datetime import UTC, datetime

from pydantic import JsonValue

from orchestrator.commands.progress_shown import in_words
from orchestrator.run_process import RunProcess, process_of, resume_line
from state.commit import CommitRecord, load_commit
from state.pasted import pasted
from state.progress import Progress, ProgressFile
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Print the summary of the newest commit and who works on the run."""
    folder = RunFolder.from_argument(arguments.run)
    under_way = ProgressFile(folder.progress).read()
    if under_way is not None and not folder.state.exists():
        _print_beginning(folder, under_way, as_json=arguments.json)
        return 0
    loaded = load_commit(folder, verify_objects=False)
    process = process_of(folder)
    if arguments.json:
        print(json.dumps(as_json(loaded.record, process, under_way if process else None)))
        return 0
    if loaded.message:
        print(loaded.message)
    print_status(folder, loaded.record, process)
    return 0


def as_json(
    record: CommitRecord, process: RunProcess | None, under_way: Progress | None
) -> dict[str, object]:
    """The summary; `process` is None where nobody works on the run, `progress` where nothing that
    takes long is under way.
    """
    return {
        "run_id": record.run_id,
        **record.summary,
        "commit_age_seconds": commit_age_seconds(record),
        "process": process.model_dump(mode="json") if process else None,
        "progress": progress_json(under_way) if under_way else None,
    }


def progress_json(progress: Progress) -> dict[str, JsonValue]:
    """What is under way, with the seconds that are left where there is a pace."""
    left = progress.seconds_left(datetime.now(UTC))
    return {**progress.model_dump(mode="json"), "share": progress.share, "seconds_left": left}


def print_status(folder: RunFolder, record: CommitRecord, process: RunProcess | None) -> None:
    """The same for people, ending with how to go on."""
    age = commit_age_seconds(record)
    print(f"{record.run_id}, committed {record.written_at} ({age:.0f} s ago)")
    for name, value in record.summary.items():
        if value not in (None, []):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"  {name.replace('_', ' '):20} {shown}")
    print(f"  {'process':20} {_who(process)}")
    under_way = ProgressFile(folder.progress).read()
    if process is not None and under_way is not None:
        print(f"  {'now':20} {in_words(under_way, datetime.now(UTC))}")
    if process is None:
        print(resume_line(folder))
    elif process.paused:
        print(f"go on with: symbio-auto resume {pasted(folder.root)}")
    else:
        print(f"watch with: symbio-auto watch {pasted(folder.root)}")


def _print_beginning(folder: RunFolder, under_way: Progress, *, as_json: bool) -> None:
    """A run that is made ready has not committed yet."""
    if as_json:
        document = {"run_id": None, "status": "preparing", "progress": progress_json(under_way)}
        print(json.dumps(document))
        return
    print(f"{folder.root} is being prepared and has committed nothing yet")
    print(f"  {'now':20} {in_words(under_way, datetime.now(UTC))}")


def commit_age_seconds(record: CommitRecord) -> float:
    """Since the newest commit, by this machine's clock; 0 where that was set back."""
    written = datetime.fromisoformat(record.written_at)
    return max(0.0, (datetime.now(UTC) - written).total_seconds())


def _who(process: RunProcess | None) -> str:
    if process is None:
        return "none"
    since = process.since.isoformat(timespec="seconds")
    return f"{process.pid} since {since}{', paused' if process.paused else ''}"
