"""Seeing a run through that was made ready, in a folder that nobody else writes to."""

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from orchestrator.commits import Saved
from orchestrator.config import RunConfig
from orchestrator.controller import Controller
from orchestrator.engine import Engine, InlineEngine
from orchestrator.interrupt import Interrupt
from orchestrator.listeners import told
from orchestrator.phases import phases_of
from orchestrator.preparation import Prepared
from orchestrator.rebuilding import rebuild
from orchestrator.recorder import EventListener, Recorder
from orchestrator.resolve import resolve_engine, worker_setup
from orchestrator.run_process import resume_line
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Event
from state import partial
from state.commit import RunLock, load_commit
from state.commit_files import CommitFiles
from state.objects import ObjectStore
from state.pasted import pasted
from state.progress import ProgressFile, Reporter
from state.run_folder import RunFolder


class Finished(NamedTuple):
    """Where a run stands when the program leaves it."""

    folder: RunFolder
    state: RunState
    exit_code: int


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
        if prepared.claim is not None:
            prepared.claim.give_up()
        _require_unchanged(prepared)
        remove_litter(folder)
        with closing(Recorder(folder, saved.run.run_id)) as recorder, told(recorder, listeners):
            _rewind(recorder, prepared)
            if prepared.commit is not None:
                rebuild(recorder, prepared.commit)
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
    """Do for a finished run what a kill after its last commit may have prevented.

    A store that an older version left is brought to this version's schema, one that is gone is
    made again.
    """
    from orchestrator.report.finish import finish

    folder = prepared.folder
    with RunLock(folder.lock):
        _require_unchanged(prepared)
        remove_litter(folder)
        partial.clear(folder)
        ObjectStore(folder.objects).collect(CommitFiles(folder).reachable)
        with closing(Recorder(folder, prepared.saved.run.run_id)) as recorder:
            if prepared.commit is not None:
                rebuild(recorder, prepared.commit)
        finish(folder, prepared.saved)


def _work(
    prepared: Prepared,
    recorder: Recorder,
    interrupt: Interrupt,
    started_at: float,
) -> RunState:
    """Work to the end or to a stop; a pause gives the workers back and waits."""
    folder, saved = prepared.folder, prepared.saved
    while True:
        with nothing_under_way(folder), closing(build_engine(saved.config, folder)) as engine:
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


@contextmanager
def nothing_under_way(folder: RunFolder) -> Iterator[None]:
    """Before and after it: workers that were killed leave their progress behind."""
    ProgressFile(folder.progress).remove()
    try:
        yield
    finally:
        ProgressFile(folder.progress).remove()


def _wait_while_paused(recorder: Recorder, interrupt: Interrupt) -> bool:
    """Whether the run goes on; False where it is to stop."""
    gc.collect()
    command = f"symbio-auto resume {pasted(recorder.folder.root)}"
    recorder.say(Event(kind="paused", data={"go_on_with": command}))
    goes_on = interrupt.wait_while_paused()
    recorder.say(Event(kind="went_on", data={}))
    return goes_on


def write_configurations(folder: RunFolder, config: RunConfig) -> None:
    """The configuration that each phase runs with."""
    from state.durable import write_atomically

    for index, phase in enumerate(phases_of(config), start=1):
        own = (phase,) if config.mode == "phases" else ()
        resolved = config.model_copy(update={"phases": own})
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
    from orchestrator.ray_engine import RayEngine

    progress = Reporter(ProgressFile(folder.progress))
    return RayEngine(setup, engine.workers or 1, engine.ray_address, progress=progress)
