"""Setting a run up, or setting it up again, and seeing it through."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.commits import Saved, restore
from orchestrator.config import RunConfig
from orchestrator.controller import Controller
from orchestrator.engine import Engine, InlineEngine
from orchestrator.environment import differences, environment
from orchestrator.extension import extend
from orchestrator.interrupt import Interrupt
from orchestrator.phases import phases_of, shares_of
from orchestrator.recorder import EventListener, Recorder
from orchestrator.resolve import (
    corpus_bytes,
    resolve_data,
    resolve_engine,
    resolve_shape,
    worker_setup,
)
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Event
from orchestrator.telemetry import Telemetry
from state.commit import CommitRecord, RunLock, load_commit
from state.run_folder import RunFolder


class Prepared(NamedTuple):
    """A run that is ready to go, and what to tell the user about it."""

    folder: RunFolder
    saved: Saved
    notes: tuple[str, ...]
    events: tuple[Event, ...]
    commit: CommitRecord | None = None
    """What it goes on from; None for a new run."""


class Finished(NamedTuple):
    """Where a run stands when the program leaves it."""

    folder: RunFolder
    state: RunState
    exit_code: int


def prepare_run(config: RunConfig) -> Prepared:
    """Make the run's folder and its dataset; a refused corpus leaves no folder behind.

    Raises:
        ValueError: the configuration, the corpus or the folder cannot be used.
    """
    from trainer.data import prepare

    folder = RunFolder(Path(config.run_dir))
    if folder.state.exists():
        raise ValueError(
            f"run folder {folder.root} already holds a run; go on with --resume {folder.state} "
            "or choose another --run-dir"
        )
    resolution = resolve_shape(config, corpus_bytes(config.data.paths))
    with _removed_on_failure(folder):
        folder.create()
        manifest = prepare(resolution.config.data, folder.data, resolution.config.model.block)
    resolved = resolve_data(resolution.config, manifest)
    state = first_state(resolved)
    notes = (
        *resolution.notes,
        f"domain {manifest.domain}, {manifest.tokenizer} tokenizer of {manifest.vocab_size} tokens",
    )
    saved = Saved(config=resolved, run=state, telemetry=Telemetry())
    event = Event(kind="started", data={"run_id": state.run_id, "budget": config.budget})
    return Prepared(folder, saved, notes, (event,))


def prepare_resume(
    path: Path, *, budget: int | None = None, engine: str | None = None, workers: int | None = None
) -> Prepared:
    """Load the newest usable commit of a run.

    Engine and number of workers may change, since they do not change the bits.

    Raises:
        ValueError: there is no usable commit, or the budget does not extend it.
    """
    folder = RunFolder.from_argument(path)
    loaded = load_commit(folder)
    saved = restore(loaded.record)
    notes = [loaded.message] if loaded.message else []
    changed = differences(
        loaded.record.environment, environment(saved.config.engine.host_threads or 1)
    )
    if changed:
        notes.append("this is another environment, bits may differ: " + "; ".join(changed))
    update = {"engine": engine or saved.config.engine.engine, "workers": workers}
    if workers is None:
        update.pop("workers")
    config = saved.config.model_copy(
        update={"engine": saved.config.engine.model_copy(update=update)}
    )
    state, events = saved.run, [Event(kind="resumed", data={"generation": saved.run.generation})]
    if budget is not None:
        config, state, event = extend(config, state, budget)
        events.append(event)
    if state.status == "running":
        state = state.model_copy(update={"resumed_count": state.resumed_count + 1})
    ready = Saved(config=config, run=state, telemetry=saved.telemetry)
    return Prepared(folder, ready, tuple(notes), tuple(events), loaded.record)


def first_state(config: RunConfig) -> RunState:
    """The state before anything was trained."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return RunState(
        run_id=f"{Path(config.run_dir).name}-{stamp}",
        ledger=books.open_ledger(config.budget, shares_of(config), config.control),
        lineages=(),
    )


def execute(
    prepared: Prepared, *, listeners: tuple[EventListener, ...] = (), started_at: float
) -> Finished:
    """Run to the end or to a stop. The folder is locked meanwhile; Ray ends with the run."""
    folder, saved = prepared.folder, prepared.saved
    with RunLock(folder.lock):
        _require_unchanged(prepared)
        recorder = Recorder(folder, saved.run.run_id)
        try:
            for listener in listeners:
                recorder.listen(listener)
            _rewind(recorder, prepared)
            write_configurations(folder, saved.config)
            for event in prepared.events:
                recorder.say(event)
            with _engine(saved.config, folder) as engine, Interrupt() as interrupt:
                controller = Controller(
                    saved.config,
                    saved.run,
                    folder=folder,
                    engine=engine,
                    recorder=recorder,
                    telemetry=saved.telemetry,
                    should_stop=lambda: interrupt.requested,
                    started_at=started_at,
                )
                state = controller.run()
                code = interrupt.exit_code if state.status == "running" else 0
            return Finished(folder, state, code)
        finally:
            recorder.close()


def write_configurations(folder: RunFolder, config: RunConfig) -> None:
    """The configuration that each phase runs with."""
    from state.durable import write_atomically

    for index, phase in enumerate(phases_of(config), start=1):
        resolved = config.model_copy(update={"phases": (phase,)})
        text = resolved.model_dump_json(indent=2)
        write_atomically(folder.configuration(index, phase.name), text.encode())


def _require_unchanged(prepared: Prepared) -> None:
    """Nobody has begun or continued the run between loading it and locking it."""
    folder = prepared.folder
    begun = prepared.commit is not None or folder.state.exists()
    now = load_commit(folder).record if begun else None
    if now != prepared.commit:
        raise ValueError(
            f"run folder {folder.root} was changed by another process meanwhile; start again"
        )


def _rewind(recorder: Recorder, prepared: Prepared) -> None:
    state = prepared.saved.run
    lengths = prepared.commit.journal_bytes if prepared.commit else {}
    last = state.generation if state.work else state.generation - 1
    for message in recorder.rewind(lengths, last):
        recorder.say(Event(kind="journal_cut", data={"message": message}))


@contextmanager
def _engine(config: RunConfig, folder: RunFolder) -> Iterator[Engine]:
    engine = build_engine(config, folder)
    try:
        yield engine
    finally:
        engine.close()


def build_engine(config: RunConfig, folder: RunFolder) -> Engine:
    """The engine that the configuration names."""
    setup = worker_setup(config, folder)
    engine = resolve_engine(config.engine)
    if engine.engine == "inline":
        return InlineEngine(setup)
    from orchestrator.workers import RayEngine

    return RayEngine(setup, engine.workers or 1, engine.ray_address)


@contextmanager
def _removed_on_failure(folder: RunFolder) -> Iterator[None]:
    existed = folder.root.exists()
    try:
        yield
    except ValueError:
        if not existed:
            with suppress(OSError):
                shutil.rmtree(folder.root)
        raise
