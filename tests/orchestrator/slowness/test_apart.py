"""What the clock says goes to the log and the report, and to nothing that a replay compares."""

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from orchestrator.commits import Saved, restore
from orchestrator.controller import Controller
from orchestrator.recorder import Recorder
from orchestrator.telemetry import Telemetry
from orchestrator.verification.replayed import replay_checks
from state.commit import load_commit
from state.journal import read_journal
from state.records import StepMetrics
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from tests.builders import ScriptedEngine, digest, make_config, make_state

BUDGET = 3000
SLOW = ["phase_slow", "throughput_collapse", "throughput_recovered"]


class ClockedEngine(ScriptedEngine):
    """Training takes time, ten times as much in some generations of Cambrian."""

    now = 0.0
    slow: tuple[int, ...] = ()
    """Generations."""

    def train(self, task: TrainingTask) -> Outcome:
        self.now += task.steps * self._seconds(task)
        return super().train(task)

    def rows(self, task: TrainingTask, loss: float) -> tuple[StepMetrics, ...]:
        """The last ten steps."""
        speed = {"tokens_per_sec": 700 / self._seconds(task)}
        return tuple(
            row.model_copy(update={**speed, "step": row.step - back})
            for row in super().rows(task, loss)
            for back in range(min(10, task.steps) - 1, -1, -1)
        )

    def _seconds(self, task: TrainingTask) -> float:
        return 1.0 if task.phase == "cambrian" and task.generation in self.slow else 0.1


class ClockedRun:
    """A run by the engine's clock."""

    def __init__(self, root: Path, slow: tuple[int, ...] = ()) -> None:
        self.folder = RunFolder(root)
        self.folder.create()
        self.engine = ClockedEngine(root)
        self.engine.slow = slow
        self.heard: list[str] = []

    def play(self) -> Saved:
        """From the last commit, or the beginning, to the end or to where the engine stops."""
        config = make_config(budget=BUDGET)
        saved = Saved(config=config, run=make_state(config), telemetry=Telemetry())
        lengths: dict[str, int] = {}
        if self.folder.state.exists():
            record = load_commit(self.folder).record
            saved, lengths = restore(record), record.journal_bytes
        clock = SimpleNamespace(monotonic=lambda: self.engine.now)
        with (
            pytest.MonkeyPatch.context() as patch,
            closing(Recorder(self.folder, saved.run.run_id)) as recorder,
        ):
            patch.setattr("orchestrator.controller.time", clock)
            recorder.listen(lambda kind, _: self.heard.append(kind))
            recorder.rewind(lengths, saved.run.generation - (saved.run.work is None))
            Controller(
                config,
                saved.run,
                folder=self.folder,
                engine=self.engine,
                recorder=recorder,
                telemetry=saved.telemetry,
                should_stop=self.engine.stopping,
                started_at=0.0,
            ).run()
        return restore(load_commit(self.folder).record)

    def said(self) -> list[str]:
        """What was said of the clock, by the log."""
        kinds = [str(row["kind"]) for row in read_journal(self.folder.log)]
        return [kind for kind in kinds if kind in SLOW]


class Pair(NamedTuple):
    """A run that is slow in Cambrian, and the same run on a steady machine."""

    steady: ClockedRun
    slow: ClockedRun
    before: Saved
    after: Saved


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    root = tmp_path_factory.mktemp("clocked")
    steady = ClockedRun(root / "steady")
    before = steady.play()
    slow = ClockedRun(root / "slow", cambrian_of(before))
    return Pair(steady, slow, before, slow.play())


def cambrian_of(saved: Saved) -> tuple[int, ...]:
    """Its generations but the first two and the last one."""
    summary = next(one for one in saved.run.summaries if one.name == "cambrian")
    assert summary.first_generation is not None
    last = summary.first_generation + summary.generations - 1
    return tuple(range(summary.first_generation + 2, last))


def test_slowness_is_said_to_the_log_and_to_whoever_listens(pair: Pair) -> None:
    assert pair.steady.said() == []
    assert sorted(pair.slow.said()) == SLOW
    assert [kind for kind in pair.slow.heard if kind in SLOW] == pair.slow.said()


def test_a_slow_run_is_the_same_run(pair: Pair) -> None:
    assert digest(pair.after.run) == digest(pair.before.run)
    slow, steady = pair.slow.folder, pair.steady.folder
    assert slow.events_jsonl.read_bytes() == steady.events_jsonl.read_bytes()


def test_a_slow_run_is_replayed(pair: Pair) -> None:
    checks = replay_checks(pair.slow.folder, load_commit(pair.slow.folder).record)
    assert {one.status for one in checks} == {"ok"}


def test_the_commit_keeps_what_was_slow_for_the_report(pair: Pair) -> None:
    telemetry = pair.after.telemetry
    (late,), (collapse,) = telemetry.watchdog.late, telemetry.throughput.collapses
    assert late.phase == collapse.phase == "cambrian"
    assert late.elapsed_seconds > 2 * late.planned_seconds
    assert (collapse.tokens_per_sec, collapse.usual_tokens_per_sec) == pytest.approx((700, 7000))
    assert not pair.before.telemetry.watchdog.late
    assert not pair.before.telemetry.throughput.collapses


def test_an_interruption_is_no_time_and_what_was_learned_survives_it(
    pair: Pair, tmp_path: Path
) -> None:
    parts = ClockedRun(tmp_path / "parts", pair.slow.engine.slow)
    parts.engine.stop_after = pair.slow.engine.calls // 2
    assert parts.play().run.status == "running"
    parts.engine.stop_after = None
    parts.engine.now += 1e6
    found, expected = parts.play().telemetry, pair.after.telemetry
    assert parts.said() == pair.slow.said()
    assert found.throughput.collapses == expected.throughput.collapses
    assert found.watchdog.late[0].elapsed_seconds == pytest.approx(
        expected.watchdog.late[0].elapsed_seconds
    )
