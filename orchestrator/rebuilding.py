"""A metrics store that is gone, made again from the journals: nothing else has what they have."""

from pydantic import TypeAdapter

from orchestrator.commits import restore
from orchestrator.recorder import Recorder
from orchestrator.replay.journal import committed_records
from orchestrator.replay.states import Replay
from orchestrator.stages.conclusion import Event
from state.commit import CommitRecord
from state.records import StepMetrics

_STEP = TypeAdapter(StepMetrics)


def rebuild(recorder: Recorder, record: CommitRecord) -> None:
    """Where the store knows nothing of the run, everything up to the commit.

    Journals that do not reach back to the beginning, or are damaged, keep no run from going on: it
    is said what is missing.
    """
    if recorder.store.run(recorder.run_id) is not None:
        return
    name, saved = recorder.folder.metrics_db.name, restore(record)
    told = f"{name} was gone and was made again from the journals"
    try:
        with recorder.store.transaction():
            recorder.record_run(saved.config, saved.run)
            _record_figures(recorder, record)
    except ValueError as error:
        recorder.record_run(saved.config, saved.run)
        told = f"{name} was gone, and its figures up to here cannot be made again: {error}"
    recorder.say(Event(kind="store_rebuilt", data={"message": told}))


def _record_figures(recorder: Recorder, record: CommitRecord) -> None:
    path = recorder.folder.metrics_jsonl
    steps = committed_records(path, record.journal_bytes.get(path.name, 0), _STEP)
    recorder.store.record_steps(recorder.run_id, steps)
    for played in Replay.of(recorder.folder, record).stages():
        recorder.store_of(played.before, played.conclusion)
