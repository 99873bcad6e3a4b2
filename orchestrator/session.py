"""Setting a run up, or setting it up again, and seeing it through."""

import gc
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
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
from orchestrator.intervention import Intervention, place_of
from orchestrator.listeners import told
from orchestrator.phases import phases_of, shares_of
from orchestrator.recorder import EventListener, Recorder
from orchestrator.resolve import (
    corpus_bytes,
    resolve_data,
    resolve_engine,
    resolve_shape,
    worker_setup,
)
from orchestrator.run_process import resume_line
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Event
from orchestrator.telemetry import Telemetry
from state import partial
from state.commit import CommitRecord, RunLock, load_commit, reachable_objects
from state.objects import ObjectStore
from state.run_folder import RunFolder
from trainer.manifest import require_intact


class Prepared(NamedTuple):
    """A run that is ready to go, and what to tell the user about it."""

    folder: RunFolder
    saved: Saved
    notes: tuple[str, ...]
    events: tuple[Event, ...]
    commit: CommitRecord | None = None
    """What it goes on from; None for a new run."""
    intervention: Intervention | None = None
    """What was changed before it goes on."""


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
    with removed_on_failure(folder):
        folder.create()
        manifest = prepare(resolution.config.data, folder.data, resolution.config.model.block)
    resolved = resolve_data(resolution.config, manifest)
    state = first_state(resolved)
    notes = (
        *resolution.notes,
        *promises(resolved),
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
    require_intact(folder.data)
    notes = [*([loaded.message] if loaded.message else []), *promises(saved.config)]
    used = saved.config.engine
    here = environment(used.host_threads or 1, deterministic=used.repeats)
    changed = differences(loaded.record.environment, here)
    if changed:
        notes.append("this is another environment, bits may differ: " + "; ".join(changed))
    update = {"engine": engine or saved.config.engine.engine, "workers": workers}
    if workers is None:
        update.pop("workers")
    config = saved.config.model_copy(
        update={"engine": saved.config.engine.model_copy(update=update)}
    )
    state, events = saved.run, [Event(kind="resumed", data={"generation": saved.run.generation})]
    intervention = None
    if budget is not None:
        intervention = Intervention(
            kind="extended",
            place=place_of(state),
            before={"budget": config.budget},
            after={"budget": budget},
        )
        config, state, event = extend(config, state, budget)
        events.append(event)
    if state.status == "running":
        state = state.model_copy(update={"resumed_count": state.resumed_count + 1})
    ready = Saved(config=config, run=state, telemetry=saved.telemetry)
    return Prepared(folder, ready, tuple(notes), tuple(events), loaded.record, intervention)


def promises(config: RunConfig) -> tuple[str, ...]:
    """What a user must know who counts on the same bits every time."""
    if config.engine.repeats:
        return ()
    return ("on CUDA without --deterministic the same bits are not promised",)


def first_state(config: RunConfig) -> RunState:
    """The state before anything was trained."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return RunState(
        run_id=f"{Path(config.run_dir).name}-{stamp}",
        ledger=books.open_ledger(config.budget, shares_of(config), config.control),
        lineages=(),
    )


def execute(
    prepared: Prepared,
    *,
    listeners: tuple[EventListener, ...] = (),
    started_at: float,
) -> Finished:
    """Run to the end or to a stop. The folder is locked meanwhile; Ray ends with the run."""
    folder, saved = prepared.folder, prepared.saved
    with (
        Interrupt(last_words=f"{resume_line(folder)}\n") as interrupt,
        RunLock(folder.lock),
    ):
        _require_unchanged(prepared)
        remove_litter(folder)
        with closing(Recorder(folder, saved.run.run_id)) as recorder, told(recorder, listeners):
            _rewind(recorder, prepared)
            if prepared.intervention is not None:
                recorder.record_rows([prepared.intervention])
            write_configurations(folder, saved.config)
            for event in prepared.events:
                recorder.say(event)
            state = _work(prepared, recorder, interrupt, started_at)
            code = interrupt.exit_code if state.status == "running" else 0
            return Finished(folder, state, code)


def remove_litter(folder: RunFolder) -> None:
    """Delete the temporary files that killed writers left; hold the lock."""
    from state.durable import remove_temporaries

    for place in (folder.root, folder.configs, folder.data, folder.model):
        remove_temporaries(place)


def complete(prepared: Prepared) -> None:
    """Do for a finished run what a kill after its last commit may have prevented."""
    from orchestrator.report.build import finish

    folder = prepared.folder
    with RunLock(folder.lock):
        _require_unchanged(prepared)
        remove_litter(folder)
        partial.clear(folder)
        ObjectStore(folder.objects).collect(reachable_objects(folder))
        finish(folder, prepared.saved)


def _work(
    prepared: Prepared, recorder: Recorder, interrupt: Interrupt, started_at: float
) -> RunState:
    """Work to the end or to a stop; a pause gives the workers back and waits."""
    folder, saved = prepared.folder, prepared.saved
    while True:
        with closing(build_engine(saved.config, folder)) as engine:
            interrupt.install()
            controller = Controller(
                saved.config,
                saved.run,
                folder=folder,
                engine=engine,
                recorder=recorder,
                telemetry=saved.telemetry,
                should_stop=lambda: interrupt.wanted,
                started_at=started_at,
            )
            state = controller.run()
        interrupt.install()
        if state.status != "running" or interrupt.requested:
            return state
        saved = Saved(config=saved.config, run=state, telemetry=controller.telemetry)
        del engine, controller
        if not _wait_while_paused(recorder, interrupt):
            return state


def _wait_while_paused(recorder: Recorder, interrupt: Interrupt) -> bool:
    """Whether the run goes on; False where it is to stop."""
    gc.collect()
    command = f"symbio-auto resume {recorder.folder.root}"
    recorder.say(Event(kind="paused", data={"go_on_with": command}))
    goes_on = interrupt.wait_while_paused()
    recorder.say(Event(kind="went_on", data={}))
    return goes_on


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
    begun = state.phase.first_generation if state.phase else -1
    for message in recorder.rewind(lengths, last, begun):
        recorder.say(Event(kind="journal_cut", data={"message": message}))


def build_engine(config: RunConfig, folder: RunFolder) -> Engine:
    """The engine that the configuration names."""
    setup = worker_setup(config, folder)
    engine = resolve_engine(config.engine)
    if engine.engine == "inline":
        return InlineEngine(setup)
    from orchestrator.workers import RayEngine

    return RayEngine(setup, engine.workers or 1, engine.ray_address)


@contextmanager
def removed_on_failure(folder: RunFolder) -> Iterator[None]:
    """What a refusal leaves half made is taken away again, with the folders made above it.

    A folder that was there before loses only what was made in it.
    """
    parts = (folder.root, folder.data, folder.objects, folder.configs)
    with ExitStack() as undoing:
        for path in reversed(folder.root.parents):
            if not path.exists():
                undoing.callback(_remove_empty, path)
        for path in parts:
            if not path.exists():
                undoing.callback(shutil.rmtree, path, ignore_errors=True)
        yield
        undoing.pop_all()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
