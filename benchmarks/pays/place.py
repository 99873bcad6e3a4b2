"""Where the comparison keeps its texts, its runs and its results while it goes on."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import JsonValue

from benchmarks.gathered import read_files, read_lines
from benchmarks.pays.specs import SETTINGS
from benchmarks.recording import RESULTS
from state.durable import write_atomically
from state.run_folder import RunFolder
from state.run_lock import RunLock

Result = dict[str, JsonValue]


class Place:
    """A folder outside version control: a run folder and two result files for each run, one of them
    with what it measured on test. `gathered` holds those of machines that are gone.

    Workers never write to the same file, and what has a result is not made again.
    """

    def __init__(self, corpora: Path, scratch: Path, gathered: Path = RESULTS) -> None:
        self.corpora, self.scratch, self.gathered = corpora, scratch, gathered
        for folder in (self.claims, self.results, self.seals, self.texts):
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
    def seals(self) -> Path:
        """What every run measured on test, one file each."""
        return self.scratch / "sealed"

    @property
    def texts(self) -> Path:
        """Parts of corpora."""
        return self.scratch / "texts"

    @property
    def openings(self) -> Path:
        """One line for each run whose figure on test was told."""
        return self.gathered / "pays-openings.jsonl"

    @property
    def gathered_results(self) -> Path:
        """A line a run, without its test split."""
        return self.gathered / "pays-runs.jsonl"

    @property
    def gathered_seals(self) -> Path:
        """A line a run, the test split alone."""
        return self.gathered / "pays-sealed.jsonl"

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

    def all_results(self) -> dict[str, Result]:
        """By key, without what was measured on test."""
        return {**read_files(self.results), **read_lines(self.gathered_results)}

    def sealed(self) -> dict[str, Result]:
        """By key, what was measured on test."""
        return {**read_files(self.seals), **read_lines(self.gathered_seals)}

    def opened(self) -> set[str]:
        """Keys of the runs whose figure on test may be told."""
        if not self.openings.exists():
            return set()
        lines = self.openings.read_text(encoding="utf-8").splitlines()
        return {json.loads(line)["run"] for line in lines}

    def keep(self, key: str, result: Result, sealed: Result | None = None) -> None:
        """Keep what a run left; its result, which says that it is made, comes last."""
        if sealed is not None:
            write_atomically(self.seals / f"{key}.json", (json.dumps(sealed) + "\n").encode())
        write_atomically(self.results / f"{key}.json", (json.dumps(result) + "\n").encode())

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


def beginning(text: bytes, share: float) -> bytes:
    """The first part of a text, whole lines."""
    return text[: text.rfind(b"\n", 0, int(share * len(text))) + 1]
