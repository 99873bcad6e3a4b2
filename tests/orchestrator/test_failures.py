"""Members, hosts and measurements that fail: what goes on, and what stops with a clear word."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from orchestrator import ledger as books
from orchestrator.run_state import RunState
from orchestrator.stages.host_decision import ChunkLostError, HostDivergedError
from orchestrator.stages.reference import ReferenceDivergedError
from state.genome import is_gated
from state.records import Genome, PhaseName
from state.tasks import Task, TrainingTask
from tests.builders import make_config
from tests.memory_runs import Fate, MemoryEngine, drive, spent_exactly

SEARCHES: tuple[PhaseName, ...] = ("primordial", "cambrian", "oxidation")


def gated_is_better(genome: Genome) -> float:
    return 0.3 if is_gated(genome) else 0.0


def failing(part: str, fate: Fate = "failed") -> Callable[[Task], Fate]:
    """Every task with `part` in its id."""
    return lambda task: fate if part in task.task_id else "trained"


def searching(fate: Fate, *lineages: int) -> Callable[[Task], Fate]:
    """The champions of these lineages, in the search phases."""

    def decide(task: Task) -> Fate:
        if not isinstance(task, TrainingTask) or task.role != "champion":
            return "trained"
        return fate if task.phase in SEARCHES and task.lineage in lineages else "trained"

    return decide


def nth_host(*numbers: int, fate: Fate = "quarantined") -> Callable[[Task], Fate]:
    """The chunks with these numbers, counted from 1."""
    count = 0

    def decide(task: Task) -> Fate:
        nonlocal count
        if isinstance(task, TrainingTask) and task.role in ("host", "control"):
            count += 1
            return fate if count in numbers else "trained"
        return "trained"

    return decide


def finish(fate: Callable[[Task], Fate], **changes: object) -> tuple[list[RunState], MemoryEngine]:
    engine = MemoryEngine(fate=fate, quality=gated_is_better)
    return drive(make_config(**{"budget": 4000, **changes}), engine), engine


# ---- members


@pytest.mark.parametrize("fate", ["failed", "quarantined"])
def test_a_challenger_that_fails_does_not_hold_the_others_up(fate: Fate) -> None:
    states, engine = finish(failing("-c01", fate))
    assert spent_exactly(states[-1])
    assert states[-1].counts.quarantined == sum("-c01" in task.task_id for task in engine.trained())
    assert states[-1].counts.quarantined > 0


def test_steps_that_a_failed_member_did_not_run_are_refunded() -> None:
    states, engine = finish(failing("-c01"))
    done = {result.task_id: result for one in states if one.work for result in one.work.results}
    assert not done
    challengers = [task for task in engine.trained() if task.role == "challenger"]
    failed = [task for task in challengers if "-c01" in task.task_id]
    ran = sum(task.steps for task in engine.trained()) - sum(task.steps for task in failed)
    assert books.spent(states[-1].ledger) == ran


def test_a_champion_that_fails_leaves_its_lineage_as_it_was_and_accepts_nobody() -> None:
    states, _ = finish(searching("failed", 1))
    for before, after in pairwise(states):
        if len(before.lineages) == 3 and len(after.lineages) == 3:
            assert after.lineages[1].checkpoint is None
            assert after.lineages[1].accepted == 0
    assert spent_exactly(states[-1])
    assert states[-1].ensemble is not None
    assert states[-1].ensemble.lineages == (0, 2)


@pytest.mark.parametrize("phase", ["cambrian", "oxidation"])
def test_a_lineage_whose_champion_fails_from_some_phase_on_stays_there(
    phase: PhaseName,
) -> None:
    def fate(task: Task) -> Fate:
        if isinstance(task, TrainingTask) and (task.phase, task.role) == (phase, "champion"):
            return "failed" if task.lineage == 1 else "trained"
        return "trained"

    states, engine = finish(fate, budget=8000)
    inside = [one for one in states if one.phase_index == 1 + SEARCHES.index(phase)]
    frozen = {
        one.lineages[1].model_copy(update={"bits_history": ()}) for one in inside if one.phase
    }
    tried = [one for one in engine.trained() if (one.phase, one.lineage) == (phase, 1)]
    assert any(one.role == "challenger" for one in tried)
    assert len({(one.checkpoint, one.genome, one.age_steps) for one in frozen}) == 1
    assert spent_exactly(states[-1])


@pytest.mark.parametrize("healthy", [0, 1, 2, 3])
def test_one_healthy_lineage_of_four_carries_the_run_to_its_end(healthy: int) -> None:
    sick = {0, 1, 2, 3} - {healthy}
    for budget in (400, 401, 2003):
        states, _ = finish(searching("failed", *sick), budget=budget, evolution={"lineages": 4})
        assert spent_exactly(states[-1])


@pytest.mark.parametrize("phase", SEARCHES)
def test_champions_that_all_fail_for_ever_end_the_run_with_their_error(phase: str) -> None:
    def fate(task: Task) -> Fate:
        return "failed" if getattr(task, "phase", "") == phase else "trained"

    with pytest.raises(
        RuntimeError, match=r"every champion failed in 4 .*the worker died.*--resume"
    ):
        finish(fate)


def test_champions_that_fail_for_a_while_do_not_end_the_run() -> None:
    def fate(task: Task) -> Fate:
        bad = isinstance(task, TrainingTask) and task.generation in (4, 5, 6, 8, 9, 10)
        return "failed" if bad else "trained"

    states, _ = finish(fate)
    assert spent_exactly(states[-1])


def test_champions_that_all_skip_too_many_steps_get_half_the_rate() -> None:
    def fate(task: Task) -> Fate:
        bad = isinstance(task, TrainingTask) and task.phase == "primordial" and task.lr_scale == 1
        return "quarantined" if bad else "trained"

    states, engine = finish(fate)
    scales = {task.lr_scale for task in engine.trained() if task.phase == "primordial"}
    assert scales == {1.0, 0.5}
    assert spent_exactly(states[-1])


# ---- the reference model


def test_a_reference_model_that_fails_ends_the_run_with_the_cause() -> None:
    with pytest.raises(RuntimeError, match=r"model failed in g00000-l0-champion \(.*--resume"):
        finish(failing("g00000-l0-champion"))


@pytest.mark.parametrize("fate", ["quarantined", "not finite"])
def test_a_reference_model_that_diverges_needs_another_learning_rate(fate: Fate) -> None:
    with pytest.raises(ReferenceDivergedError, match=r"diverged in g00000-l0-champion \(.*--lr"):
        finish(failing("g00000-l0-champion", fate))


@pytest.mark.parametrize("fate", ["failed", "quarantined"])
@pytest.mark.parametrize("part", ["null1", "null"])
def test_a_twin_of_the_reference_that_fails_leaves_its_steps_to_the_reference(
    fate: Fate, part: str
) -> None:
    def decide(task: Task) -> Fate:
        bad = getattr(task, "phase", "") == "abiogenesis" and part in task.task_id
        return fate if bad else "trained"

    states, engine = finish(decide)
    assert any(task.phase == "abiogenesis" and task.role == "null" for task in engine.trained())
    ended = next(one for one in states if one.stage == "phase_end")
    assert books.remaining(ended.ledger, "abiogenesis") == 0
    assert spent_exactly(states[-1])


# ---- the host


@pytest.mark.parametrize("fate", ["not finite", "quarantined"])
def test_a_host_chunk_that_diverges_is_gone_over_at_half_the_rate(fate: Fate) -> None:
    states, engine = finish(nth_host(3, fate=fate))
    chunks = [task for task in engine.trained() if task.role == "host"]
    assert chunks[3].parent == chunks[2].parent
    assert chunks[3].first_step == chunks[2].first_step
    assert {task.lr_scale for task in chunks[:3]} == {1.0}
    assert {task.lr_scale for task in chunks[3:] if task.phase == chunks[2].phase} == {0.5}
    assert spent_exactly(states[-1])


def test_a_host_that_diverges_twice_in_a_phase_stops_the_run() -> None:
    with pytest.raises(HostDivergedError, match=r"host diverged twice in endosymbiosis.*--lr"):
        finish(nth_host(2, 5))


def test_one_failure_in_each_phase_of_the_host_is_no_second_failure() -> None:
    states, engine = finish(nth_host(2, 10))
    chunks = [task for task in engine.trained() if task.role == "host"]
    assert [chunks[n].phase for n in (1, 9)] == ["endosymbiosis", "homeostasis"]
    assert spent_exactly(states[-1])


def test_a_control_arm_whose_first_chunk_fails_is_trained_from_its_start_again() -> None:
    states, engine = finish(failing("none"), control=("gelu",))
    num_host = sum(task.role == "host" for task in engine.trained())
    states, engine = finish(nth_host(num_host + 1), control=("gelu",))
    arm = [task for task in engine.trained() if task.role == "control"]
    assert [task.parent for task in arm[:2]] == [None, None]
    assert arm[0].batches != arm[1].batches
    assert [one.steps for one in states[-1].controls] == [4000]


def test_a_control_arm_that_diverges_twice_ends_with_what_it_has() -> None:
    _, engine = finish(failing("none"), control=("gelu",))
    num_host = sum(task.role == "host" for task in engine.trained())
    states, _ = finish(nth_host(num_host + 3, num_host + 5), control=("gelu", "silu"))
    first, second = states[-1].controls
    assert (first.name, second.name) == ("gelu(x)", "silu(x)")
    assert first.best is not None
    assert first.steps < second.steps == 4000
    assert states[-1].status == "finished"


def test_a_control_arm_that_never_trains_is_left_out_of_the_report() -> None:
    states, _ = finish(failing("-control-gelu", "quarantined"), control=("gelu",))
    assert states[-1].controls[0].best is None
    assert states[-1].final is not None
    assert states[-1].final.controls == ()


@pytest.mark.parametrize("control", [(), ("gelu",)])
def test_a_chunk_that_is_lost_is_tried_again_as_it_was(control: tuple[str, ...]) -> None:
    """A worker's death says nothing of the learning rate."""
    _, engine = finish(failing("none"))
    num_host = sum(task.role == "host" for task in engine.trained())
    lost = (num_host + 2, num_host + 5) if control else (3, 6)
    states, engine = finish(nth_host(*lost, fate="failed"), control=control)
    role = "control" if control else "host"
    chunks = [task for task in engine.trained() if task.role == role]
    first = lost[0] - (num_host if control else 0) - 1
    for index in (first, first + 3):
        assert chunks[index + 1].parent == chunks[index].parent
        assert chunks[index + 1].first_step == chunks[index].first_step
        if control:
            assert chunks[index + 1].batches == chunks[index].batches
    assert {task.lr_scale for task in chunks} == {1.0}
    told = {one.reason for state in states for one in state.decisions}
    assert "RuntimeError: the worker died; tried again" in told
    assert spent_exactly(states[-1])
    assert [one.steps for one in states[-1].controls] == [4000] * len(control)


@pytest.mark.parametrize("numbers", [(3, 4), (3, 4, 9)])
def test_a_chunk_that_is_lost_twice_in_a_row_stops_the_run_until_its_cause_is_mended(
    numbers: tuple[int, ...],
) -> None:
    told = r"host could not be trained in endosymbiosis, twice in a row \(.*worker died.*--resume"
    with pytest.raises(ChunkLostError, match=told):
        finish(nth_host(*numbers, fate="failed"))


# ---- measurements


def test_an_ensemble_that_cannot_be_measured_teaches_nothing() -> None:
    states, engine = finish(failing("-ensemble"))
    assert states[-1].ensemble is None
    assert not any(task.teachers for task in engine.trained())
    assert spent_exactly(states[-1])


def test_a_battery_that_fails_leaves_its_place_in_the_report_empty() -> None:
    states, _ = finish(failing("-battery"))
    assert [one.battery for one in states[-1].summaries] == [None] * 6
    assert spent_exactly(states[-1])


@pytest.mark.parametrize("name", ["final-winner", "final-untrained", "final-control-0"])
def test_a_final_evaluation_that_fails_names_itself_and_the_cause(name: str) -> None:
    with pytest.raises(RuntimeError, match=rf"{name} could not be measured: .*worker died"):
        finish(failing(name), control=("gelu",), budget=600)


def test_a_baseline_that_cannot_be_fitted_names_the_cause() -> None:
    with pytest.raises(RuntimeError, match=r"order-2 baseline .* measured: .*worker died"):
        finish(failing("final-order2"), budget=600)
