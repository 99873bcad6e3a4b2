"""The loop as a whole, on an engine that needs no torch."""

from pathlib import Path

import pytest

from orchestrator import ledger as books
from orchestrator.commits import restore
from orchestrator.run_state import RunState
from orchestrator.task_runner import failed
from state.commit import load_commit
from state.genome import is_gated, parse, same
from state.metrics_store import MetricsStore
from state.records import Genome
from state.results import Outcome
from state.tasks import Task, TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config, no_quality

PHASES = ["abiogenesis", "primordial", "cambrian", "oxidation", "endosymbiosis", "homeostasis"]


def play(folder: Path, **changes: object) -> RunState:
    return ScriptedRun(folder, make_config(**changes), ScriptedEngine(folder)).play()


@pytest.mark.parametrize("budget", [60, 61, 137, 600, 2000, 9999])
def test_a_run_that_ends_by_itself_has_spent_its_budget_exactly(
    tmp_path: Path, budget: int
) -> None:
    state = play(tmp_path, budget=budget)
    assert state.status == "finished"
    assert books.spent(state.ledger) == budget
    assert all(line.reserved == 0 for line in state.ledger.lines)


def test_all_six_phases_run_in_order_and_each_is_judged(tmp_path: Path) -> None:
    state = play(tmp_path)
    assert [summary.name for summary in state.summaries] == PHASES
    assert all(summary.gate.reason for summary in state.summaries)
    assert all(summary.steps > 0 for summary in state.summaries)


def test_one_seed_gives_one_search_and_another_seed_another(tmp_path: Path) -> None:
    first, second, other = (
        play(tmp_path / name, budget=6000, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert digest(first) == digest(second)
    assert first.known != other.known


def test_a_planted_better_activation_wins(tmp_path: Path) -> None:
    def quality(genome: Genome) -> float:
        return 0.3 if is_gated(genome) else 0.0

    engine = ScriptedEngine(tmp_path, quality=quality)
    state = ScriptedRun(tmp_path, make_config(budget=12000), engine).play()
    assert state.winner is not None
    assert is_gated(state.winner.genome)
    assert state.counts.accepted >= 1


def test_a_worse_activation_never_wins(tmp_path: Path) -> None:
    def quality(genome: Genome) -> float:
        return 0.0 if same(genome, parse("gelu")) else -0.3

    engine = ScriptedEngine(tmp_path, quality=quality)
    state = ScriptedRun(tmp_path, make_config(budget=12000), engine).play()
    assert state.winner is not None
    assert state.winner.genome == parse("gelu")
    assert state.counts.accepted == 0


def test_training_loss_does_not_choose_the_winner(tmp_path: Path) -> None:
    """The original ranked by training loss because search loss never reached its ranking."""

    class LiesOnTrain(ScriptedEngine):
        def train(self, task: TrainingTask) -> Outcome:
            outcome = super().train(task)
            lie = 0.1 if task.genome != parse("gelu") else 5.0
            result = outcome.result.model_copy(update={"train_loss": lie})
            return outcome.model_copy(update={"result": result})

    def quality(genome: Genome) -> float:
        return 0.0 if genome == parse("gelu") else -0.3

    engine = LiesOnTrain(tmp_path, quality=quality)
    state = ScriptedRun(tmp_path, make_config(budget=6000), engine).play()
    assert state.winner is not None
    assert state.winner.genome == parse("gelu")


def test_a_lineage_always_gains_its_steps(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    state = ScriptedRun(tmp_path, make_config(), engine).play()
    for lineage in state.lineages:
        assert lineage.checkpoint is not None
        assert engine.age(lineage.checkpoint) == lineage.age_steps > 0


def test_the_winner_is_the_best_kept_model_of_the_host(tmp_path: Path) -> None:
    state = play(tmp_path)
    assert state.winner is not None
    assert state.final_host is not None
    assert state.winner.evaluation.bits_per_byte == min(
        bits for _, bits, _ in state.final_host.history
    )


def stop_and_resume(folder: Path, stop_after: int, **changes: object) -> RunState:
    engine = ScriptedEngine(folder)
    run = ScriptedRun(folder, make_config(**changes), engine)
    engine.stop_after = stop_after
    stopped = run.play()
    engine.stop_after = None
    if stopped.status == "finished":
        return stopped
    loaded = load_commit(run.folder).record
    return run.play(restore(loaded).run, loaded.journal_bytes)


@pytest.mark.parametrize("stop_after", [1, 2, 5, 9, 14, 20, 27, 33, 40, 47])
def test_a_run_stopped_and_resumed_ends_like_one_that_was_not(
    tmp_path: Path, stop_after: int
) -> None:
    whole = play(tmp_path / "whole")
    resumed = stop_and_resume(tmp_path / "parts", stop_after)
    assert digest(resumed) == digest(whole)


def test_the_row_of_a_run_says_that_it_is_finished_once_it_is(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    run = ScriptedRun(tmp_path, make_config(), engine)
    engine.stop_after = 20
    run.play()
    assert status(tmp_path) == "active"
    engine.stop_after = None
    loaded = load_commit(run.folder).record
    run.play(restore(loaded).run, loaded.journal_bytes)
    assert status(tmp_path) == "finished"


def status(folder: Path) -> str | None:
    with MetricsStore.open(folder / "metrics.db", writer=False) as store:
        run_id = store.latest_run()
        assert run_id is not None
        row = store.summary(run_id)
        assert row is not None
        return row.status


@pytest.mark.parametrize("ill", ["final-winner", "-champion", "-host"])
def test_what_fails_before_a_stop_is_tried_again(tmp_path: Path, ill: str) -> None:
    """A failure that was committed as the result of its task could never be mended."""

    class Ill(ScriptedEngine):
        stopped = False

        def answer(self, task: Task) -> Outcome:
            if ill in task.task_id and not self.stopped:
                self.stopped = True
                return Outcome(result=failed(task, "worker ran out of memory (2 attempts)"))
            return super().answer(task)

        def stopping(self) -> bool:
            return self.stopped

    engine = Ill(tmp_path / "ill")
    run = ScriptedRun(tmp_path / "ill", make_config(), engine)
    assert run.play().status == "running"
    loaded = load_commit(run.folder).record
    healthy = ScriptedRun(tmp_path / "ill", make_config(), ScriptedEngine(tmp_path / "ill"))
    resumed = healthy.play(restore(loaded).run, loaded.journal_bytes)
    assert digest(resumed) == digest(play(tmp_path / "whole"))


@pytest.mark.parametrize("crash_at", [1, 3, 8, 15, 22, 31, 38, 45])
def test_a_crash_inside_a_generation_changes_nothing_but_the_time(
    tmp_path: Path, crash_at: int
) -> None:
    whole = play(tmp_path / "whole")
    folder = tmp_path / "parts"
    engine = ScriptedEngine(folder)
    run = ScriptedRun(folder, make_config(), engine)
    engine.crash_at = crash_at
    with pytest.raises(KeyboardInterrupt):
        run.play()
    loaded = load_commit(run.folder).record
    resumed = run.play(restore(loaded).run, loaded.journal_bytes)
    assert digest(resumed) == digest(whole)
    assert rows(folder) == rows(tmp_path / "whole")


def rows(folder: Path) -> list[str]:
    with MetricsStore.open(folder / "metrics.db", writer=False) as store:
        run_id = store.latest_run()
        assert run_id is not None
        records = [
            *store.members(run_id),
            *store.decisions(run_id),
            *store.synchrony(run_id),
            *store.steps(run_id),
        ]
        return [record.model_dump_json() for record in records]


def test_the_journals_hold_each_step_and_event_once_after_a_crash(tmp_path: Path) -> None:
    whole = play(tmp_path / "whole")
    assert whole.status == "finished"
    stop_and_resume(tmp_path / "parts", 17)
    for name in ("metrics.jsonl", "events.jsonl"):
        one, other = (
            sorted((tmp_path / part / name).read_text(encoding="utf-8").splitlines())
            for part in ("whole", "parts")
        )
        assert one == other


def test_the_ledger_holds_at_every_commit(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)
    run = ScriptedRun(tmp_path, make_config(), engine)
    state = None
    journal: dict[str, int] = {}
    while state is None or state.status == "running":
        engine.stop_after = engine.calls + 1
        state = run.play(state, journal)
        loaded = load_commit(run.folder).record
        ledger, journal = restore(loaded).run.ledger, loaded.journal_bytes
        assert sum(line.settled + line.reserved for line in ledger.lines) <= ledger.budget
        assert sum(line.allotted for line in ledger.lines) == ledger.budget
        assert all(line.settled + line.reserved <= line.allotted for line in ledger.lines)


def test_a_control_has_the_whole_budget_for_itself_and_none_of_the_runs(tmp_path: Path) -> None:
    state = play(tmp_path, control=("gelu", "swiglu"))
    assert books.spent(state.ledger) == 2000
    assert [line.settled for line in state.ledger.control] == [2000, 2000]
    assert [control.name for control in state.controls] == ["gelu(x)", "glu(silu(x))"]
    assert state.final is not None
    assert len(state.final.controls) == 2


def test_the_test_split_is_opened_once(tmp_path: Path) -> None:
    class Watching(ScriptedEngine):
        openings = 0

        def answer(self, task: Task) -> Outcome:
            splits = (*getattr(task, "splits", ()), *getattr(task, "evaluate", ()))
            self.openings += splits.count("test") and task.task_id == "final-winner"
            assert "test" not in splits or task.task_id.startswith("final-")
            return super().answer(task)

    engine = Watching(tmp_path, quality=no_quality)
    state = ScriptedRun(tmp_path, make_config(), engine).play()
    assert engine.openings == 1
    assert state.test_openings == 1
