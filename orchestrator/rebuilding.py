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

    Raises:
        ValueError: a journal is incomplete or damaged, or the run was made by a version that
            decided otherwise.
    """
    if recorder.store.run(recorder.run_id) is not None:
        return
    folder, saved = recorder.folder, restore(record)
    path = folder.metrics_jsonl
    steps = committed_records(path, record.journal_bytes.get(path.name, 0), _STEP)
    with recorder.store.transaction():
        recorder.record_run(saved.config, saved.run)
        recorder.store.record_steps(recorder.run_id, steps)
        for played in Replay.of(folder, record).stages():
            recorder.store_of(played.before, played.conclusion)
    told = f"{folder.metrics_db.name} was gone and was made again from the journals"
    recorder.say(Event(kind="store_rebuilt", data={"message": told}))
