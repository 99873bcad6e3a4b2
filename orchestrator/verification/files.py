"""Are the files of a run whole: commits, objects, dataset, journals?"""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.replay.journal import committed_lines
from orchestrator.verification.check import Check, failed, passed, skipped
from orchestrator.verification.snapshot import Snapshot
from state.commit import load_commit
from state.journal import parse_line
from state.objects import ObjectStore
from state.progress import SILENT, Reporter
from state.run_folder import RunFolder
from trainer.manifest import damaged_files, read_manifest


@dataclass(frozen=True)
class OneCommit(RunFolder):
    """A run folder that holds one commit only, so that no other is fallen back to."""

    commit: Path

    @property
    def state(self) -> Path:
        """The commit."""
        return self.commit

    @property
    def state_previous(self) -> Path:
        """The same."""
        return self.commit


def check_seals(folder: RunFolder) -> list[Check]:
    """Both commit records have the sha256 that they state."""
    return [_seal(folder, path) for path in (folder.state, folder.state_previous)]


def _seal(folder: RunFolder, path: Path) -> Check:
    if not path.exists():
        return skipped(path.name, "not written yet")
    try:
        record = load_commit(OneCommit(folder.root, path), verify_objects=False).record
    except ValueError as error:
        return failed(path.name, str(error.__cause__ or error))
    return passed(path.name, f"sealed, written {record.written_at}")


def check_objects(now: Snapshot, progress: Reporter = SILENT) -> list[Check]:
    """Every object that the commit needs or keeps has the sha256 of its name."""
    store, total = ObjectStore(now.folder.objects), 0
    kept = now.record.kept
    named = {**dict(kept.earlier), **kept.champions, **now.record.objects}
    with progress.work("checking the objects", sum(named.values()), "bytes") as advance:
        for sha, num_bytes in named.items():
            try:
                store.verify(sha, num_bytes)
            except (OSError, ValueError) as error:
                return [failed("objects", str(error))]
            total += num_bytes
            advance(total)
    return [passed("objects", f"{len(named)} whole, {total / 1e6:.1f} MB")]


def check_dataset(now: Snapshot) -> list[Check]:
    """The files of the dataset are those of its manifest."""
    folder = now.folder.data
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        return [failed("dataset", str(error))]
    damaged = damaged_files(manifest, folder)
    if damaged:
        return [failed("dataset", f"{folder / damaged[0]} is missing or not that of the manifest")]
    tokens = sum(split.tokens for split in manifest.splits.values())
    return [passed("dataset", f"{tokens} tokens in {len(manifest.splits)} splits as prepared")]


def check_journals(now: Snapshot) -> list[Check]:
    """Each journal is as long as the commit says, in whole lines of JSON."""
    counts = []
    for name, num_bytes in now.record.journal_bytes.items():
        path = now.folder.root / name
        try:
            lines = committed_lines(path, num_bytes)
            damaged = next((n for n, line in enumerate(lines, 1) if parse_line(line) is None), None)
        except ValueError as error:
            return [failed("journals", str(error))]
        if damaged is not None:
            fault = f"{path} line {damaged} is no JSON object; restore it from a copy"
            return [failed("journals", fault)]
        counts.append(f"{name} {len(lines)}")
    return [passed("journals", "lines: " + ", ".join(counts))]
