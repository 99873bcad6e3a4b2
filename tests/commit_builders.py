"""Small commits for tests."""

from state.commit import CommitRecord
from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.run_folder import RunFolder


def record_of(generation: int, objects: dict[str, int] | None = None) -> CommitRecord:
    """A commit with texts and numbers that are easily lost."""
    return CommitRecord(
        run_id="run",
        written_at=f"2026-11-21T00:00:{generation:02d}+00:00",
        generation=generation,
        summary={"generation": generation},
        state={"loss": 0.1 + generation, "seed": 2**127 - 1, "text": "\u00e9\ud800\n"},
        objects=objects or {},
        journal_bytes={"metrics.jsonl": 100},
        environment={"threads": 1},
    )


def publish(folder: RunFolder, generation: int) -> CommitRecord:
    """Commit a generation with an object of its own, as a new process would."""
    data = f"weights {generation}".encode()
    sha = ObjectStore(folder.objects).publish(data)
    record = record_of(generation, {sha: len(data)})
    CommitFiles(folder).publish(record)
    return record
