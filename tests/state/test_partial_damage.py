"""Damaged partial work is absent; a full disk or a kill leaves what was there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from state import durable, partial
from state.durable import Operation, OutOfSpace
from state.partial import PartialWork, Progress, objects_in_progress
from state.results import Outcome
from state.run_folder import RunFolder
from tests.partial_builders import OTHERS, TRAINING, progressed, trained

REPOSITORY = Path(__file__).parents[2]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [flip, tear, Path.unlink])
@pytest.mark.parametrize("pattern", ["partial/*.outcome.json", "objects/*"])
def test_a_damaged_outcome_is_absent_until_it_is_done_again(
    work: PartialWork, folder: RunFolder, pattern: str, harm: Callable[[Path], object]
) -> None:
    outcome = trained(work)
    work.finish(TRAINING, outcome)
    harm(next(folder.root.glob(pattern)))
    assert work.outcome(TRAINING) is None
    work.finish(TRAINING, trained(work))
    assert work.outcome(TRAINING) == outcome


@pytest.mark.parametrize("harm", [flip, tear, Path.unlink])
@pytest.mark.parametrize("pattern", ["partial/*.progress.json", "objects/*"])
def test_damaged_progress_is_absent_until_there_is_more(
    work: PartialWork, folder: RunFolder, pattern: str, harm: Callable[[Path], object]
) -> None:
    work.advance(TRAINING, progressed(work, 20))
    harm(next(folder.root.glob(pattern)))
    assert work.progress(TRAINING) is None
    further = progressed(work, 25)
    work.advance(TRAINING, further)
    assert work.progress(TRAINING) == further


def test_any_flipped_bit_of_an_outcome_is_noticed(work: PartialWork, folder: RunFolder) -> None:
    task, outcome = OTHERS[3]
    work.finish(task, outcome)
    path = next(folder.partial.iterdir())
    data = bytearray(path.read_bytes())
    for bit in range(0, 8 * (len(data) - 1), 5):  # the last byte is a newline
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert work.outcome(task) is None
        data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    assert work.outcome(task) == outcome


def test_what_cannot_be_read_is_absent(work: PartialWork, folder: RunFolder) -> None:
    work.advance(TRAINING, progressed(work, 20))
    replace_by_folder(next(folder.partial.iterdir()))
    assert work.progress(TRAINING) is None
    assert objects_in_progress(folder) == set()


@pytest.mark.parametrize("operation", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_progress_before(work: PartialWork, operation: Operation) -> None:
    before, further = progressed(work, 20), progressed(work, 25)
    work.advance(TRAINING, before)

    def full(now: Operation, _path: Path) -> None:
        if now == operation:
            raise OSError(28, "injected")

    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        work.advance(TRAINING, further)
    with durable.intercepted(full), pytest.raises(OutOfSpace, match="resume"):
        work.finish(TRAINING, trained(work))
    assert work.progress(TRAINING) == before
    assert work.outcome(TRAINING) is None


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from state import durable
from state.partial import PartialWork, Progress
from state.run_folder import RunFolder
from state.results import Outcome
from state.tasks import TrainingTask

folder, countdown = RunFolder(Path(sys.argv[1])), int(sys.argv[2])
task = TrainingTask.model_validate_json(sys.argv[3])
further = Progress.model_validate_json(sys.argv[4])
outcome = Outcome.model_validate_json(sys.argv[5])

def kill(operation, path):
    global countdown
    countdown -= 1
    if countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)

with durable.intercepted(kill):
    work = PartialWork(folder, {})
    work.advance(task, further)
    work.finish(task, outcome)
"""


def test_a_kill_at_any_operation_leaves_one_state_or_the_next(folder: RunFolder) -> None:
    work, seen = PartialWork(folder, {}), list[int]()
    for k in range(1, 30):
        partial.clear(folder)
        before, further, outcome = progressed(work, 20), progressed(work, 25), trained(work)
        work.advance(TRAINING, before)
        states: list[Progress | Outcome | None] = [before, further, outcome]
        records = [record.model_dump_json() for record in (TRAINING, further, outcome)]
        command = [sys.executable, "-c", KILLED_AT, str(folder.root), str(k), *records]
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        seen.append(states.index(work.outcome(TRAINING) or work.progress(TRAINING)))
        if done.returncode == 0:
            break
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2}
    assert len(seen) == 12
