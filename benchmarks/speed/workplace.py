"""What the measures of speed share: flags, prepared text, processes, and how results are shown."""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import JsonValue

from benchmarks.recording import write_result
from benchmarks.speed.shapes import Trainee, prepared
from benchmarks.speed.turns import Process
from state.base import Record

LONGEST_BLOCK_SECONDS = 3.0


class Bench:
    """Processes that are open at the same time."""

    def __init__(self, stack: ExitStack, place: "Workplace") -> None:
        self._stack, self._place = stack, place

    def process(
        self, name: str, module: str, order: Record, environment: Mapping[str, str] | None = None
    ) -> Process:
        """A process that is ready to take steps."""
        process = Process(name, module, order, self._place.new_log(), environment)
        self._stack.callback(process.close)
        return process

    def trainee(self, name: str, **fields: object) -> Process:
        """A process that trains a member on the text; `fields` are those of `Trainee`."""
        return self.process(name, "benchmarks.speed.trainee", self._place.order(**fields))


class Workplace:
    """A scratch folder with the text in it."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.run_folder = folder, folder / "run"
        self.manifest = prepared(data, self.run_folder)
        self._logs = 0

    def new_log(self) -> Path:
        """Where the next process says what went wrong."""
        self._logs += 1
        return self.folder / f"process-{self._logs}.log"

    def order(self, **fields: object) -> Trainee:
        """What to train on the text."""
        given = {"run_folder": str(self.run_folder), "vocab_size": self.manifest.vocab_size}
        return Trainee.model_validate({**given, **fields})

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """Room for processes, closed at the end."""
        with ExitStack() as stack:
            yield Bench(stack, self)


def flags(doc: str | None, minutes: float | None = None) -> argparse.ArgumentParser:
    """The flags of every measure; what goes by blocks takes `minutes` by default."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, help="kept; without it a temporary folder")
    parser.add_argument("--save", action="store_true", help="write results/*.json")
    if minutes is not None:
        parser.add_argument("--minutes", type=float, default=minutes, help="without start-up")
        parser.add_argument("--blocks", type=int, default=7, help="of steps, of each compared")
    return parser


@contextmanager
def workplace(arguments: argparse.Namespace) -> Iterator[Workplace]:
    """The text prepared, in a folder that is deleted where none was named."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.scratch or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        yield Workplace(folder.resolve(), arguments.data)


def block_seconds(minutes: float, num_blocks: int) -> float:
    """What a block may take where there are so many in all."""
    return min(LONGEST_BLOCK_SECONDS, 60 * minutes / num_blocks)


def show(rows: Sequence[Mapping[str, JsonValue]]) -> None:
    """Print rows of equal keys as a Markdown table."""
    for line in markdown(rows):
        print(line)


def markdown(rows: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """The lines of a Markdown table; no rows, no lines."""
    if not rows:
        return []
    cells = [[*rows[0]], ["---"] * len(rows[0])]
    cells += [[_cell(value) for value in row.values()] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in cells]


def _cell(value: JsonValue) -> str:
    if isinstance(value, dict) and "median" in value:
        return f"{value['median']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "" if value is None else str(value)


def finish(
    name: str,
    rows: Sequence[Mapping[str, JsonValue]],
    arguments: argparse.Namespace,
    **told: JsonValue,
) -> None:
    """Show the rows; record them where that is asked for."""
    show(rows)
    if arguments.save:
        figures: dict[str, JsonValue] = {
            "data": arguments.data.name,
            "blocks": vars(arguments).get("blocks"),
            **told,
            "rows": [dict(row) for row in rows],
        }
        print(write_result(name, figures))
