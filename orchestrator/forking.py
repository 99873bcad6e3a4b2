"""A new run that starts at a point of another one, with changed settings."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from orchestrator.claim import claimed
from orchestrator.commits import Saved, named_objects, publish
from orchestrator.config import RunConfig
from orchestrator.intervention import Intervention, place_of
from orchestrator.recorder import Recorder
from orchestrator.replay.boundaries import Found, Point, find_boundary
from orchestrator.replay.change import apply_change
from orchestrator.replay.objects import (
    EngineBuilder,
    Maker,
    make_again,
    makers_of,
    needed_makers,
)
from orchestrator.replay.request import change_of
from orchestrator.replay.states import Replay
from orchestrator.resolve import resolve_engine
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Event
from orchestrator.telemetry import Telemetry
from state.commit import RunLock, load_commit
from state.commit_files import CommitFiles
from state.durable import fsync_file, fsync_folder
from state.metrics_store import MetricsStore
from state.objects import ObjectStore
from state.progress import SILENT, Reporter
from state.run_folder import RunFolder
from trainer.manifest import file_sha256


class Origin(NamedTuple):
    """The run that is forked."""

    folder: RunFolder
    run_id: str
    replay: Replay
    found: Found


class Start(NamedTuple):
    """The state that the new run begins with."""

    config: RunConfig
    state: RunState
    intervention: Intervention


def fork(
    source: RunFolder,
    point: Point,
    settings: list[str],
    target: RunFolder,
    *,
    build: EngineBuilder,
    say: Callable[[str], None],
    progress: Reporter = SILENT,
) -> Start:
    """Make `target` a run that stands at `point` of `source`; the source is only read.

    Objects that the source has let go of are trained again in `target`, by engines that `build`
    makes. `say` is told what takes time.

    Raises:
        ValueError: there is no such point, a setting cannot change, the target holds a run, or
            this machine does not reproduce an object.
    """
    origin = open_origin(source, point)
    start = _start(origin, settings, target)
    if target.state.exists():
        raise ValueError(f"run folder {target.root} already holds a run; choose another --run-dir")
    with claimed(target) as claim:
        with RunLock(target.lock):
            _link_files(source.data, target.data)
            _bring_objects(origin, start.state, target, build, say, progress)
            _write(origin, start, point, target)
        claim.give_up()
    return start


def open_origin(source: RunFolder, point: Point) -> Origin:
    """Replay the run and find the point.

    Raises:
        ValueError: the run cannot be replayed, or has no such point.
    """
    record = load_commit(source, verify_objects=False).record
    replay = Replay.of(source, record)
    return Origin(source, record.run_id, replay, find_boundary(replay, point))


def _start(origin: Origin, settings: list[str], target: RunFolder) -> Start:
    boundary = origin.found.boundary
    change = change_of(boundary.config, boundary.state, settings)
    config, state = apply_change(boundary.config, boundary.state, change.after)
    intervention = Intervention(
        kind="forked",
        place=place_of(boundary.state),
        before=change.before,
        after=change.after,
        source=origin.run_id,
    )
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    named = {"run_id": f"{target.root.name}-{stamp}"}
    own = {"run_dir": str(target.root), "engine": resolve_engine(config.engine)}
    config = config.model_copy(update=own)
    return Start(config, state.model_copy(update=named), intervention)


def _bring_objects(
    origin: Origin,
    state: RunState,
    target: RunFolder,
    build: EngineBuilder,
    say: Callable[[str], None],
    progress: Reporter,
) -> None:
    """Link what is there, train the rest again."""
    bring = cache(partial(_bring, ObjectStore(origin.folder.objects), ObjectStore(target.objects)))
    makers = makers_of(origin.found.past)
    missing = needed_makers(sorted(named_objects(state)), makers, bring)
    if missing:
        say(_what_is_made(missing))
        make_again(missing, target, build, progress)
    fsync_folder(target.objects)


def _bring(source: ObjectStore, target: ObjectStore, sha: str) -> bool:
    """Give the target the object; False where the source has it no more, or not whole."""
    if file_sha256(target.path(sha)) == sha:
        return True
    found = source.path(sha)
    with suppress(FileNotFoundError):
        _link(found, target.folder / found.name)
    if file_sha256(target.path(sha)) == sha:
        return True
    target.path(sha).unlink(missing_ok=True)
    return False


def _what_is_made(makers: list[Maker]) -> str:
    steps = sum(maker.task.steps for maker in makers)
    return f"training {len(makers)} checkpoints again that the run has let go of ({steps} steps)"


def _link_files(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file() and not (target / path.name).exists():
            _link(path, target / path.name)
    fsync_folder(target)


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system cannot do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
        fsync_file(target)


def _write(origin: Origin, start: Start, point: Point, target: RunFolder) -> None:
    """Everything up to the point, as the new run would have written it, and the commit."""
    state, boundary = start.state, origin.found.boundary
    for leftover in target.root.glob(f"{target.metrics_db.name}*"):
        leftover.unlink()
    with closing(Recorder(target, state.run_id)) as recorder, recorder.store.transaction():
        recorder.rewind({}, -1)
        recorder.record_run(start.config, state)
        with MetricsStore.open(origin.folder.metrics_db, writer=False) as store:
            steps = store.steps(origin.run_id)
        recorder.record_steps([one for one in steps if one.generation < state.generation])
        for played in origin.found.past:
            recorder.keep(played.before, played.conclusion)
        recorder.record_rows(origin.replay.rows[: boundary.num_rows])
        recorder.record_rows((start.intervention,))
    data = {"from": origin.run_id, "at": str(point), "settings": start.intervention.after}
    recorder.say(Event(kind="forked", data=data))
    recorder.sync()
    saved = Saved(config=start.config, run=state, telemetry=Telemetry())
    publish(CommitFiles(target), saved, recorder.journal_bytes(), concluded=True)
