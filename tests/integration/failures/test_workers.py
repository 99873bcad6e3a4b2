"""Workers that hang, die, run out of memory or raise, and the death of Ray's head."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import psutil
import pytest

from orchestrator.patience import Patience
from orchestrator.ray_engine import RayEngine
from orchestrator.task_runner import TaskRunner, failed
from state.results import BaselineResult, Outcome
from state.tasks import BaselineTask, Task
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup

pytestmark = [pytest.mark.ray, pytest.mark.slow]

LEAST_SECONDS = 2.0


class FaultyRunner(TaskRunner):
    """Does what the task's name asks for: `<name> <fault> <attempts that fail>`."""

    def run(self, task: Task) -> Outcome:
        name, fault, num_failing = task.task_id.split()
        mark = Path(self.setup.run_folder) / name
        with mark.open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
        if len(mark.read_text(encoding="utf-8").splitlines()) <= int(num_failing):
            self.fail(fault)
        if fault == "slow":
            time.sleep(LEAST_SECONDS * 0.7)
        result = BaselineResult(task_id=task.task_id, bits_per_byte=1.0, eval_seconds=0.01)
        return Outcome(result=result)

    def fail(self, fault: str) -> None:
        match fault:
            case "hang":
                time.sleep(600)
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise ValueError("object 1234 is damaged\nand has two lines")
            case _:
                pass


class ForgetfulRunner(FaultyRunner):
    """Out of memory is a result of the task, as torch reports it."""

    def run(self, task: Task) -> Outcome:
        done = super().run(task)
        name, fault, num_failing = task.task_id.split()
        mark = Path(self.setup.run_folder) / name
        attempt = len(mark.read_text(encoding="utf-8").splitlines())
        if attempt > int(num_failing) or fault not in {"memory", "arithmetic"}:
            return done
        error = "OutOfMemoryError: 2 GiB" if fault == "memory" else "OverflowError: too large"
        return Outcome(result=failed(task, error))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    model = ModelConfig(dim=16, heads=2, layers=1, block=16, vocab_size=100)
    folder = str(tmp_path_factory.mktemp("run"))
    setup = WorkerSetup(run_folder=folder, model=model, optimizer=OptimizerConfig(batch=2))
    patience = Patience(
        least_seconds=LEAST_SECONDS, unmeasured_seconds=LEAST_SECONDS, stop_seconds=1
    )
    started = RayEngine(setup, 2, patience=patience, runner=ForgetfulRunner)
    yield started
    started.close()


def run(engine: RayEngine, *names: str) -> list[str]:
    """How each task ended."""
    tasks = [BaselineTask(task_id=name, split="test") for name in names]
    outcomes = engine.run(tasks, lambda: False)
    assert [one.result.task_id for one in outcomes] == list(names)
    return [one.result.error or one.result.status for one in outcomes]


def attempts(engine: RayEngine, name: str) -> list[tuple[int, float]]:
    """(process id, start) of each attempt at a task."""
    lines = (Path(engine._setup.run_folder) / name).read_text(encoding="utf-8").splitlines()
    return [(int(line.split()[0]), float(line.split()[1])) for line in lines]


def test_a_worker_that_hangs_once_is_replaced_and_its_task_done(engine: RayEngine) -> None:
    assert run(engine, "a1 hang 1", "a2 well 0") == ["trained", "trained"]
    pids = [pid for pid, _ in attempts(engine, "a1")]
    assert len(set(pids)) == 2
    assert not psutil.pid_exists(pids[0])


def test_a_task_that_always_hangs_fails_and_the_others_go_on(engine: RayEngine) -> None:
    first, *others = run(engine, "b1 hang 9", "b2 well 0", "b3 well 0", "b4 well 0")
    assert first == f"worker hung: no result after {LEAST_SECONDS:.0f} s (2 attempts)"
    assert others == ["trained"] * 3


def test_a_task_whose_worker_dies_is_tried_again_alone(engine: RayEngine) -> None:
    names = ("c1 die 1", "c2 well 0", "c3 well 0", "c4 well 0")
    assert run(engine, *names) == ["trained"] * 4
    assert len(attempts(engine, "c1")) == 2


def test_a_task_that_kills_every_worker_fails_alone(engine: RayEngine) -> None:
    first, second = run(engine, "d1 die 9", "d2 well 0")
    assert first.startswith("worker died: ")
    assert first.endswith("(2 attempts)")
    assert second == "trained"
    assert len(attempts(engine, "d1")) == 2


def test_a_task_out_of_memory_is_tried_again_and_an_error_of_its_own_is_not(
    engine: RayEngine,
) -> None:
    ended = run(engine, "e1 memory 1", "e2 arithmetic 1", "e3 memory 9")
    assert ended[:2] == ["trained", "OverflowError: too large"]
    assert "ran out of memory" in ended[2]
    assert [len(attempts(engine, name)) for name in ("e1", "e2", "e3")] == [2, 1, 2]


def test_what_concerns_the_whole_run_is_raised_as_itself_and_not_tried_again(
    engine: RayEngine,
) -> None:
    with pytest.raises(ValueError, match=r"^object 1234 is damaged\nand has two lines$"):
        run(engine, "f1 raise 9")
    assert len(attempts(engine, "f1")) == 1


def test_a_stop_waits_a_little_and_leaves_what_still_runs(engine: RayEngine) -> None:
    tasks = [BaselineTask(task_id=name, split="test") for name in ("g1 hang 9", "g2 well 0")]
    began = time.monotonic()

    def should_stop() -> bool:
        return time.monotonic() - began > 0.8

    outcomes = engine.run(tasks, should_stop)
    assert [one.result.task_id for one in outcomes] == ["g2 well 0"]
    assert time.monotonic() - began < 10


def test_a_clock_that_jumps_makes_nobody_hang(
    engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does the clock of a process that was stopped, or slept with its machine."""
    true_clock, began = time.monotonic, time.monotonic()

    def jumping() -> float:
        now = true_clock()
        return now + 1000 if now > began + 0.3 else now

    monkeypatch.setattr(time, "monotonic", jumping)
    assert run(engine, "h1 slow 0", "h2 slow 0") == ["trained", "trained"]
    monkeypatch.undo()
    assert [len(attempts(engine, name)) for name in ("h1", "h2")] == [1, 1]


def test_the_token_is_in_no_argument_and_no_file(engine: RayEngine) -> None:
    token = os.environ["RAY_AUTH_TOKEN"]
    assert all(token not in " ".join(process.cmdline()) for process in live_descendants())
    files = [one for one in own_session().rglob("*") if one.is_file()]
    assert any("raylet" in one.name for one in files)
    files += [one for one in Path(engine._setup.run_folder).rglob("*") if one.is_file()]
    assert not [one for one in files if token.encode() in one.read_bytes()]


def own_session() -> Path:
    """The folder of this test's Ray; `session_latest` may be another process's."""
    arguments = " ".join(" ".join(process.cmdline()) for process in live_descendants())
    sessions = Path(gettempdir()) / "ray"
    (name,) = set(re.findall(rf"{re.escape(str(sessions))}/(session_\d[^/ ]*)", arguments))
    return sessions / str(name)


def live_descendants() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if one.status() != "zombie"]


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_ray_is_started_again_when_its_head_dies_and_no_task_is_lost(
    engine: RayEngine, name: str
) -> None:
    before = engine._processes
    head = next(one for one in psutil.Process().children() if one.name() == name)
    assassin = threading.Timer(0.7, head.kill)
    assassin.start()
    engine._pace.patience = Patience()
    ended = run(engine, f"{name}1 slow 0", f"{name}2 slow 0", f"{name}3 well 0")
    assert ended == ["trained"] * 3
    assert len(attempts(engine, f"{name}1")) == 2
    assert not [one for one in before if one.is_running() and one.status() != "zombie"]


def test_ray_that_dies_while_a_worker_starts_is_started_again(engine: RayEngine) -> None:
    engine._kill(0)
    raylet = next(one for one in psutil.Process().children() if one.name() == "raylet")
    raylet.kill()
    engine._pace.patience = Patience()
    assert run(engine, "s1 well 0", "s2 well 0") == ["trained"] * 2
    assert [len(attempts(engine, name)) for name in ("s1", "s2")] == [1, 1]


def test_a_ray_without_room_is_said_in_time(engine: RayEngine) -> None:
    with pytest.raises(
        RuntimeError, match=r"started 0 of 3 workers within 1 s; give it 3 free CPUs"
    ):
        RayEngine(engine._setup, 3, patience=Patience(start_seconds=1))


def test_a_ray_that_does_not_answer_is_said_at_once(engine: RayEngine) -> None:
    engine.close()
    with pytest.raises(
        RuntimeError, match=r"no Ray answers at 127\.0\.0\.1:1 .*start it and resume"
    ):
        RayEngine(engine._setup, 1, "127.0.0.1:1")
