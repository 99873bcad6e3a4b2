"""Whatever partial work looks like, it is used as it was meant or counts as absent."""

from pathlib import Path

import pytest
from hypothesis.strategies import SearchStrategy

from state.objects import ObjectStore
from state.partial import PartialWork, Progress, clear, objects_in_progress
from state.records import StepMetrics
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.sealed import unseal
from state.tasks import TrainingTask
from tests.builders import GELU
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import altered, damaged, sealed
from tests.fuzz.program import Verdict

TASK = TrainingTask.model_validate(
    {
        "task_id": "g1-l0",
        "phase": "cambrian",
        "generation": 1,
        "lineage": 0,
        "role": "champion",
        "genome": GELU,
        "parent": None,
        "parent_genome": GELU,
        "init_seed": 1,
        "first_step": 1,
        "steps": 4,
        "batches": {"seed": 1, "lineage": 0, "generation": 1, "purpose": "train"},
        "learning_rate": {},
    }
)
ROW = StepMetrics(
    phase="cambrian",
    generation=1,
    member_id="g1-l0",
    step=1,
    loss=2.5,
    learning_rate=0.001,
    grad_norm=None,
    clip_coef=1.0,
    clip_pct=0.0,
    skipped=False,
    tokens_per_sec=10.0,
    ms_per_step=1.0,
)


@pytest.fixture
def folder(sandbox: Path) -> RunFolder:
    folder = RunFolder(sandbox / "run")
    folder.create()
    return folder


def changed(whole: bytes) -> SearchStrategy[bytes]:
    """Damaged, or altered and sealed again."""
    return damaged(whole) | altered(unseal(whole)).map(sealed)


def test_an_outcome_of_any_content_is_whole_or_absent(fuzz: Fuzz, folder: RunFolder) -> None:
    work = PartialWork(folder, {"environment": "here"})
    sha = ObjectStore(folder.objects).publish(b"weights")
    result = TrainingResult(
        task_id=TASK.task_id, status="trained", checkpoint=sha, checkpoint_bytes=7, steps=4
    )
    work.finish(TASK, Outcome(result=result, rows=(ROW,)))
    path = next(folder.partial.glob("*.outcome.json"))

    def check(content: bytes) -> Verdict:
        path.write_bytes(content)
        found = work.outcome(TASK)
        assert isinstance(objects_in_progress(folder), set)
        return "refused" if found is None else "accepted"

    fuzz(changed(path.read_bytes()), check, share=0.5)


def test_progress_of_any_content_is_whole_or_absent(fuzz: Fuzz, folder: RunFolder) -> None:
    work = PartialWork(folder, {"environment": "here"})
    objects = ObjectStore(folder.objects)
    begun = Progress(snapshot=objects.publish(b"weights"), snapshot_bytes=7, rows=(ROW,))
    work.advance(TASK, begun)
    path = next(folder.partial.glob("*.progress.json"))

    def check(content: bytes) -> Verdict:
        path.write_bytes(content)
        found = work.progress(TASK)
        again = begun.model_copy(update={"snapshot": objects.publish(b"weights")})
        work.advance(TASK, again)
        assert work.progress(TASK) == again
        return "refused" if found is None else "accepted"

    fuzz(changed(path.read_bytes()), check, share=0.5)
    clear(folder)
    assert not list(folder.partial.iterdir())
