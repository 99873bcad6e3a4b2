"""The loop of a run: plan, train, conclude, commit.

The controller has the effects and takes no decision; the stages take the decisions and have no
effects. Between two commits nothing is lost but the tasks that were running.
"""

import time
from collections.abc import Callable

from orchestrator.commits import Saved, publish
from orchestrator.config import RunConfig
from orchestrator.engine import Engine
from orchestrator.recorder import Recorder
from orchestrator.run_state import RunState
from orchestrator.slowness.watchdog import place_of
from orchestrator.stages.conclusion import concluded, with_results
from orchestrator.stages.dispatch import Stage, stage_of
from orchestrator.telemetry import Telemetry, add_outcomes, at_commit
from orchestrator.validation.hold import require_passed
from state.commit_files import CommitFiles
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import Task


class Controller:
    """Drives one run from the state it is given to its end, or to a request to stop."""

    def __init__(
        self,
        config: RunConfig,
        state: RunState,
        *,
        folder: RunFolder,
        engine: Engine,
        recorder: Recorder,
        telemetry: Telemetry,
        should_stop: Callable[[], bool],
        started_at: float,
    ) -> None:
        self.config = config
        self.state = state
        self.commits = CommitFiles(folder)
        self.engine = engine
        self.recorder = recorder
        self.telemetry = telemetry
        self.should_stop = should_stop
        self._started_at = started_at
        self._clock = time.monotonic()

    def run(self) -> RunState:
        """Work until the run is finished or a stop is asked for; the last commit says where.

        Raises:
            GateFailedError: a validation gate lets nothing more be spent.
        """
        self.recorder.record_run(self.config, self.state)
        self.commit()
        while self.state.status == "running" and not self.should_stop():
            require_passed(self.state.validation.verdicts, self.config.validation)
            stage = stage_of(self.state, self.config)
            if self.state.work is None:
                self.state = stage.open_work(self.state, self.config)
            done = self._work_through(stage)
            if done:
                self._conclude(stage)
            self.commit(concluded=done)
        return self.state

    def commit(self, *, concluded: bool = False) -> None:
        """Make everything so far durable."""
        self._look_at_the_clock(concluded=concluded)
        self.recorder.sync()
        saved = Saved(config=self.config, run=self.state, telemetry=self.telemetry)
        publish(self.commits, saved, self.recorder.journal_bytes(), concluded=concluded)

    def _look_at_the_clock(self, *, concluded: bool) -> None:
        """Book the time and say what has become slow; the state does not hear of it."""
        now = time.monotonic()
        wall = self.telemetry.wall_seconds + now - self._clock
        place = place_of(self.state, self.config)
        generation = self.state.generation - 1 if concluded else None
        self.telemetry, slow = at_commit(self.telemetry, wall, place, concluded=generation)
        self._clock = now
        for event in slow:
            self.recorder.say(event)

    def _work_through(self, stage: Stage) -> bool:
        """Run the stage's tasks; False when a stop came before the last of them."""
        while tasks := stage.pending(self.state, self.config):
            if self.should_stop():
                return False
            outcomes = self.engine.run(tasks, self.should_stop)
            self._absorb(tasks, self._kept(outcomes))
        return True

    def _kept(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Before a stop, those of tasks that did not fail: the others are tried again."""
        if not self.should_stop():
            return outcomes
        return [outcome for outcome in outcomes if outcome.result.status != "failed"]

    def _absorb(self, tasks: tuple[Task, ...], outcomes: list[Outcome]) -> None:
        results = [outcome.result for outcome in outcomes]
        if self.telemetry.first_step_seconds is None and results and tasks[0].kind == "training":
            first = min(result.started_at for result in results) - self._started_at
            self.telemetry = self.telemetry.model_copy(update={"first_step_seconds": first})
        self.telemetry = add_outcomes(self.telemetry, tasks, outcomes)
        self.recorder.record_outcomes(outcomes)
        self.state = with_results(self.state, results)

    def _conclude(self, stage: Stage) -> None:
        before = self.state
        conclusion = stage.conclude(before, self.config)
        self.state = concluded(before, conclusion)
        self.recorder.record(self.config, before, conclusion)
