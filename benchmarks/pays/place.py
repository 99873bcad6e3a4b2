"""Where the comparison keeps its texts, its runs and its results while it goes on."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import JsonValue

from benchmarks.pays.specs import SETTINGS
from state.durable import write_atomically
from state.run_folder import RunFolder
from state.run_lock import RunLock

Result = dict[str, JsonValue]


class Place:
    """A folder outside version control: a run folder and one result file for each run.

    Workers never write to the same file, and what has a result is not made again.
    """

    def __init__(self, corpora: Path, scratch: Path) -> None:
        self.corpora, self.scratch = corpora, scratch
        for folder in (self.claims, self.results, self.texts):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def claims(self) -> Path:
        """One lock for each run that was ever begun."""
        return self.scratch / "claims"

    @property
    def results(self) -> Path:
        """What every run left, one file each."""
        return self.scratch / "results"

    @property
    def texts(self) -> Path:
        """Parts of corpora."""
        return self.scratch / "texts"

    @property
    def openings(self) -> Path:
        """One line for each run whose test split was opened."""
        return self.scratch / "openings.jsonl"

    def run(self, key: str) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.scratch / "runs" / key)

    def text(self, setting: str) -> Path:
        """The file that runs of the setting read; a part of a corpus is cut when it is needed."""
        asked = SETTINGS[setting]
        whole = self.corpora / f"{asked.corpus}.txt"
        if asked.share == 1:
            return whole
        path = self.texts / f"{setting}.txt"
        if not path.exists():
            write_atomically(path, beginning(whole.read_bytes(), asked.share))
        return path

    def result(self, key: str) -> Result | None:
        """What a run left; None before it ended."""
        path = self._file(key)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def all_results(self) -> dict[str, Result]:
        """By key."""
        paths = sorted(self.results.glob("*.json"))
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}

    def keep(self, key: str, result: Result) -> None:
        """Keep the result of a run."""
        write_atomically(self._file(key), (json.dumps(result) + "\n").encode())

    @contextmanager
    def claimed(self, key: str) -> Iterator[bool]:
        """Whether the run is this process's own until the end of the block. The kernel gives back
        what a dead process held.
        """
        with ExitStack() as held:
            try:
                held.enter_context(RunLock(self.claims / key))
            except ValueError:
                yield False
                return
            yield True

    def _file(self, key: str) -> Path:
        return self.results / f"{key}.json"


def beginning(text: bytes, share: float) -> bytes:
    """The first part of a text, whole lines."""
    return text[: text.rfind(b"\n", 0, int(share * len(text))) + 1]
