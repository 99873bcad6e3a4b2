"""What a run folder says, as lines that can be compared.

Everything in the folder counts, whatever it is called, but for times, how often the run was
resumed, what is volatile, and what only says again for people what other files say.
"""

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from pydantic import JsonValue

from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.run_folder import RunFolder
from trainer.instruments.cusum_panel import THROUGHPUT_DOWN

Contents = Mapping[str, Counter[str]]
"""Name of a file, relative to the run -> its lines and how often each is there."""

_LEFT_OUT = frozenset(
    {
        *("lock", "log.txt", "progress.json", "report.html", "report.md", "state.json.prev"),
        # How far a server has come is no part of the run.
        *("remote.json", "remote.lock", "reporter.log"),
    }
)
_LEFT_OUT_SUFFIXES = (".db-wal", ".db-shm")
# A seal and the journals' lengths depend on the times that are left out.
_SEALS = frozenset({"sha256", "journal_bytes"})
_TIMES = frozenset(
    {
        # The throughput chart reads the clock.
        "cusum_tps_neg",
        "elapsed_ms",
        "gain_per_device_second",
        "ms_per_iter",
        "ms_per_step",
        "resumed_count",
        "seconds",
        "slowness",
        "telemetry",
        "tokens_per_sec",
        "wall",
    }
)
_ALERTS = "cusum_alerts"
_TIME = re.compile(r".*_(at|seconds)|timing_.*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PROCESS = re.compile(r"\.\d+-[0-9a-f]{8}\.tmp$")
_EXAMPLES = 3
_WIDTH = 200


def contents(folder: RunFolder) -> Contents:
    """Lines of every file of a run that nobody is writing.

    Raises:
        ValueError: a file is damaged.
    """
    found: dict[str, Counter[str]] = {"objects": Counter(_faults_of_objects(folder))}
    for path in sorted(folder.root.rglob("*")):
        name = path.relative_to(folder.root).as_posix()
        if path.is_file() and not _is_left_out(name, folder):
            found[_PROCESS.sub(".tmp", name)] = Counter(_lines(path, folder))
    return found


def differences(expected: Contents, found: Contents) -> tuple[str, ...]:
    """One line for each file that is not the same, with examples; empty where all are."""
    lines = []
    for name in sorted({*expected, *found}):
        missing = expected.get(name, Counter()) - found.get(name, Counter())
        added = found.get(name, Counter()) - expected.get(name, Counter())
        if missing or added or (name in expected) != (name in found):
            lines.append(
                f"{name}: {missing.total()} lines missing, {added.total()} too many"
                + _examples("-", missing)
                + _examples("+", added)
            )
    return tuple(lines)


def sound_contents(folder: RunFolder) -> Contents:
    """The lines of a run that was left alone.

    Raises:
        RuntimeError: even there an object is missing, damaged or forgotten.
    """
    found = contents(folder)
    if found["objects"]:
        raise RuntimeError(f"a run that was left alone is at fault: {sorted(found['objects'])[0]}")
    return found


def torn(folder: RunFolder) -> tuple[str, ...]:
    """What is not whole although it has its name: right after a kill there must be nothing.

    A run would recover from most of it, and the comparison would not show it.
    """
    named = [path for path in sorted(folder.root.rglob("*")) if path.suffix != ".tmp"]
    return tuple(path.relative_to(folder.root).as_posix() for path in named if not _is_whole(path))


def _is_whole(path: Path) -> bool:
    sha = path.name.partition(".")[0]
    try:
        if path.suffix in {".json", ".prev"}:
            json.loads(path.read_bytes())
        elif _SHA256.fullmatch(sha):
            return hashlib.sha256(path.read_bytes()).hexdigest() == sha
    except FileNotFoundError:
        # Workers without a controller go on for a moment.
        return True
    except ValueError:
        return False
    return True


def _is_left_out(name: str, folder: RunFolder) -> bool:
    in_objects = name.startswith(f"{folder.objects.name}/") and not name.endswith(".tmp")
    is_view = name in _LEFT_OUT or name.startswith(f"{folder.figures.name}/")
    return in_objects or is_view or name.endswith(_LEFT_OUT_SUFFIXES)


def _faults_of_objects(folder: RunFolder) -> Iterator[str]:
    """Which objects there are is part of the commit; here is what is wrong with them."""
    store, named = ObjectStore(folder.objects), CommitFiles(folder).reachable
    for path in sorted(folder.objects.glob("[0-9a-f]*")):
        if path.name.partition(".")[0] not in named:
            yield f"left over {path.name}"
    for sha in named:
        try:
            store.read(sha)
        except ValueError as error:
            yield f"{type(error).__name__} {sha}"


def _lines(path: Path, folder: RunFolder) -> Iterator[str]:
    match path.suffix:
        case ".db":
            yield from _rows(path)
        case ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield _canonical(without_times(json.loads(line)))
        case ".json":
            text = path.read_text(encoding="utf-8").replace(str(folder.root), "RUN")
            document = json.loads(text)
            if path == folder.state:
                document = {name: document[name] for name in document.keys() - _SEALS}
            yield from _leaves("", without_times(document))
        case _:
            yield hashlib.sha256(path.read_bytes()).hexdigest()


def without_times(value: JsonValue) -> JsonValue:
    """The value without anything that two equal runs may tell differently."""
    if isinstance(value, dict):
        return {
            name: _without_throughput(inner) if name == _ALERTS else without_times(inner)
            for name, inner in value.items()
            if name not in _TIMES and not _TIME.fullmatch(name)
        }
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def _without_throughput(alerts: JsonValue) -> JsonValue:
    """One bit of the alerts is the throughput chart's."""
    return alerts & ~THROUGHPUT_DOWN if isinstance(alerts, int) else alerts


def _leaves(path: str, value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield f"{path} = {_canonical(value)}"


def _rows(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for values in cursor:
                row = {name: _decoded(one) for name, one in zip(names, values, strict=True)}
                yield f"{table} {_canonical(without_times(row))}"


def _decoded(value: JsonValue) -> JsonValue:
    """A JSON column holds text; its times are found once it is decoded."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        with suppress(ValueError):
            decoded: JsonValue = json.loads(value)
            return decoded
    return value


def _canonical(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _examples(sign: str, lines: Counter[str]) -> str:
    return "".join(f"\n  {sign} {line[:_WIDTH]}" for line in sorted(lines)[:_EXAMPLES])
