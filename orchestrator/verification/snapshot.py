"""The commit that a check stands on; a running run may move on meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.commits import Saved, restore
from orchestrator.verification.check import Check
from state.commit import CommitRecord, load_commit
from state.run_folder import RunFolder

ATTEMPTS = 5


@dataclass(frozen=True)
class Snapshot:
    """A run as its newest usable commit has it."""

    folder: RunFolder
    record: CommitRecord
    saved: Saved

    @classmethod
    def take(cls, folder: RunFolder) -> "Snapshot":
        """Read the commit, not the objects.

        Raises:
            ValueError: there is no commit that can be used.
        """
        record = load_commit(folder, verify_objects=False).record
        return cls(folder, record, restore(record))


def settled(folder: RunFolder, check: Callable[[Snapshot], list[Check]]) -> list[Check]:
    """The outcome of a check; one that fails while the run moves on is made again."""
    checks: list[Check] = []
    for _ in range(ATTEMPTS):
        snapshot = Snapshot.take(folder)
        checks = check(snapshot)
        failed = any(one.status == "failed" for one in checks)
        if not failed or Snapshot.take(folder).record == snapshot.record:
            break
    return checks
