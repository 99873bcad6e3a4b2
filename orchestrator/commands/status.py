"""`symbio-auto status RUN`: where a run stands, from any terminal."""

import argparse
import json

from state.commit import load_commit
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Print the summary of the newest commit."""
    folder = RunFolder.from_argument(arguments.run)
    loaded = load_commit(folder, verify_objects=False)
    record = loaded.record
    if arguments.json:
        print(json.dumps({"run_id": record.run_id, **record.summary}))
        return 0
    if loaded.message:
        print(loaded.message)
    print(f"{record.run_id}, committed {record.written_at}")
    for name, value in record.summary.items():
        if value is not None:
            print(f"  {name.replace('_', ' '):20} {value}")
    print(f"resume with: symbio-auto --resume {folder.state}")
    return 0
