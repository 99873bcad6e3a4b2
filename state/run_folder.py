"""Every path inside a run's folder, in one place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. Only `create` and `create_root` write."""

    root: Path

    @classmethod
    def from_argument(cls, path: Path) -> "RunFolder":
        """The run that a user means by its folder or by its state.json (or state.json.prev).

        Raises:
            ValueError: `path` is neither, or there are links in the folder.
        """
        folder = cls(path.parent)
        found = None
        with suppress(OSError):
            if path.is_dir():
                found = cls(path)
            elif path in {folder.state, folder.state_previous} and path.parent.is_dir():
                found = folder
        if found is not None:
            found.require_no_links()
            return found
        raise ValueError(
            f"{path} is neither a run folder nor its state.json; "
            "give the folder that a run printed when it started"
        )

    def create(self) -> None:
        """Make the folders and prove that files can be written there.

        Raises:
            ValueError: they cannot be made or written, or there are links in the folder.
        """
        self.create_root()
        with self._explained():
            for folder in (self.objects, self.data, self.configs):
                folder.mkdir(exist_ok=True)

    def create_root(self) -> None:
        """Make the folder itself and prove that files can be written there.

        Raises:
            ValueError: it cannot be made or written, or there are links in it.
        """
        self.require_no_links()
        probe = self.root / ".probe"
        with self._explained():
            self.root.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ValueError(
                f"run folder {self.root} cannot be written: {error.strerror}; "
                "choose another with --run-dir"
            ) from error

    def require_no_links(self) -> None:
        """Refuse a folder that came from elsewhere with a link in it: who writes there would
        write to wherever the link points.

        Raises:
            ValueError: a file or a folder in it is a symbolic link.
        """
        for folder, folders, files in os.walk(self.root):
            for path in (Path(folder) / name for name in (*folders, *files)):
                if path.is_symlink():
                    raise ValueError(
                        f"{path} is a link to {path.readlink()}, and a run writes nothing "
                        "outside its folder; put the file itself there"
                    )

    @property
    def state(self) -> Path:
        """The commit record, written last."""
        return self.root / "state.json"

    @property
    def state_previous(self) -> Path:
        """The commit before it."""
        return self.root / "state.json.prev"

    @property
    def lock(self) -> Path:
        """Says which process writes here."""
        return self.root / "lock"

    @property
    def claim(self) -> Path:
        """Says which process makes a run ready here; gone once the run has begun."""
        return self.root / "claim"

    @property
    def progress(self) -> Path:
        """How far something long has come; volatile, no part of the run."""
        return self.root / "progress.json"

    @property
    def objects(self) -> Path:
        """Folder of immutable files named by their sha256."""
        return self.root / "objects"

    @property
    def data(self) -> Path:
        """Folder of the prepared dataset."""
        return self.root / "data"

    @property
    def partial(self) -> Path:
        """Folder of what workers have done of the open stage; absent before the first task."""
        return self.root / "partial"

    @property
    def metrics_db(self) -> Path:
        """The metrics store (SQLite)."""
        return self.root / "metrics.db"

    @property
    def metrics_jsonl(self) -> Path:
        """Step metrics as JSON lines."""
        return self.root / "metrics.jsonl"

    @property
    def events_jsonl(self) -> Path:
        """Events as JSON lines."""
        return self.root / "events.jsonl"

    @property
    def results_jsonl(self) -> Path:
        """Task results and interventions as JSON lines, in the order of their arrival."""
        return self.root / "results.jsonl"

    @property
    def log(self) -> Path:
        """The log for people."""
        return self.root / "log.txt"

    @property
    def gates(self) -> Path:
        """What `symbio-auto gates` has said last."""
        return self.root / "gates.json"

    @property
    def configs(self) -> Path:
        """Folder of the configuration that each phase really ran with."""
        return self.root / "configs"

    def configuration(self, index: int, phase: str) -> Path:
        """The resolved configuration of the phase that is `index`-th in order."""
        return self.configs / f"{index:02d}-{phase}.json"

    @property
    def final_report(self) -> Path:
        """The report for programs."""
        return self.root / "final-report.json"

    @property
    def report_markdown(self) -> Path:
        """The report for people."""
        return self.root / "report.md"

    @property
    def page(self) -> Path:
        """The report with its figures, a view: no part of what a replay compares."""
        return self.root / "report.html"

    @property
    def figures(self) -> Path:
        """Folder of the page's figures as PNG, a view as well."""
        return self.root / "figures"

    @property
    def model(self) -> Path:
        """Folder of the exported winner."""
        return self.root / "model"
