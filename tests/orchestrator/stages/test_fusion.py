"""Each lineage is drawn to its own running mean, and the mean outlives stops, forks and cuts."""

import shutil
from collections.abc import Iterable
from functools import lru_cache
from math import pi
from pathlib import Path

import pytest

from orchestrator.commits import named_objects, restore
from orchestrator.config import RunConfig
from orchestrator.forking import fork
from orchestrator.phases import SIX_PHASES, phases_of
from orchestrator.replay.boundaries import parse_point
from orchestrator.run_state import OscillatorState, RunState
from orchestrator.stages.conclusion import phase_of, work_of
from orchestrator.stages.search_plan import plan_generation
from orchestrator.verification.replayed import replay_checks
from state.commit import load_commit
from state.genome import size
from state.records import Genome
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config
from tests.memory_runs import MemoryEngine, advance, drive, worked

EVOLUTION = {
    "lineages": 2,
    "fusion": True,
    "halving_steps": 6,
    "min_population": 6,
    "min_steps_per_candidate": 6,
}
CONFIG = make_config(budget=4000, evolution=EVOLUTION)
SMALL = make_config(budget=900, evolution=EVOLUTION)


def larger_is_better(genome: Genome) -> float:
    return 0.1 * size(genome).nodes


ENGINE = MemoryEngine(quality=larger_is_better, noise=0.003)


@lru_cache(maxsize=1)
def states() -> tuple[RunState, ...]:
    return tuple(drive(CONFIG, ENGINE, until=lambda one: one.phase_index > 3))


def searching() -> RunState:
    """A generation of Cambrian that is about to be planned, every lineage with a mean."""
    return next(one for one in states() if one.phase_index == 2 and one.stage == "generation")


def in_phase(state: RunState, *angles: float, scale: float = 1.0) -> RunState:
    oscillators = OscillatorState(phases=angles, coupling=1.0) if angles else None
    phase = phase_of(state)
    settings = phase.settings.model_copy(update={"fusion_scale": scale})
    changes = {
        "oscillators": oscillators,
        "phase": phase.model_copy(update={"settings": settings}),
    }
    return state.model_copy(update=changes)


def strengths(state: RunState, config: RunConfig = CONFIG) -> set[float]:
    tasks = work_of(plan_generation(state, config)).tasks
    return {task.fusion.strength for task in tasks if task.fusion}


# ---- the order


def test_it_is_off_unless_asked_for() -> None:
    engine = MemoryEngine()
    *_, end = drive(make_config(budget=900), engine)
    assert {task.fusion for task in engine.trained()} == {None}
    assert {lineage.consensus for lineage in end.lineages} == {None}


def test_only_search_phases_have_a_range() -> None:
    with_range = [phase.name for phase in SIX_PHASES if any(phase.fusion)]
    assert with_range == ["primordial", "cambrian", "oxidation"]
    assert states()
    fused = {task.phase for task in ENGINE.trained() if task.fusion}
    assert fused == set(with_range)


def test_all_of_a_lineages_generation_begin_from_the_same_weights() -> None:
    before = searching()
    state = worked(CONFIG, ENGINE, before)
    for lineage in before.lineages:
        own = [task for task in work_of(state).tasks if task.lineage == lineage.index]
        assert {task.role for task in own} >= {"champion", "challenger", "null"}
        (fusion,) = {task.fusion for task in own}
        assert fusion is not None
        assert (fusion.mean, fusion.rate) == (lineage.consensus, 0.02)
        assert fusion.mean is not None


def test_a_second_half_is_not_drawn_again_and_a_confirmation_is() -> None:
    assert states()
    trained = [task for task in ENGINE.trained() if task.phase == "cambrian"]
    seconds = [task.fusion for task in trained if task.second_half_of is not None]
    confirmations = [task.fusion for task in trained if task.task_id.endswith("-confirm")]
    assert set(seconds) == {None}
    assert confirmations
    assert None not in confirmations


def test_a_lineage_without_weights_has_nothing_to_be_drawn_to() -> None:
    first = next(one for one in states() if one.phase_index == 1 and one.stage == "generation")
    tasks = work_of(plan_generation(first, CONFIG)).tasks
    assert {task.fusion is None for task in tasks if task.parent is None} == {True}
    begun = [task.fusion for task in tasks if task.parent is not None]
    assert begun
    assert all(fusion is not None and fusion.mean is None for fusion in begun)


@pytest.mark.parametrize(
    ("angles", "scale", "expected"),
    [
        ((1.0, 1.0), 1.0, 0.012),
        ((0.0, pi), 1.0, 0.003),
        ((), 1.0, 0.003),
        ((0.0, 2 * pi / 3), 1.0, 0.0075),
        ((1.0, 1.0), 0.3, 0.0036),
        ((1.0, 1.0), 0.0, 0.0),
        ((1.0, 1.0), 1000.0, 1.0),
    ],
)
def test_strength_grows_with_the_order_parameter(
    angles: tuple[float, ...], scale: float, expected: float
) -> None:
    (found,) = strengths(in_phase(searching(), *angles, scale=scale))
    assert found == pytest.approx(expected)


# ---- the mean


def test_the_mean_of_the_champions_task_is_handed_on_whoever_wins() -> None:
    accepted = 0
    for before in states():
        if before.stage != "generation" or before.phase_index != 2:
            continue
        done = worked(CONFIG, ENGINE, before)
        after = advance(CONFIG, ENGINE, before)
        for old, new in zip(before.lineages, after.lineages, strict=True):
            (champion,) = (
                one
                for one in work_of(done).results
                if one.task_id.endswith(f"l{old.index}-champion")
            )
            assert new.consensus == champion.model_dump()["consensus"] != old.consensus
            accepted += new.accepted > old.accepted
    assert accepted > 0


def moves(run: ScriptedRun, state: RunState) -> list[int]:
    means = [lineage.consensus or "" for lineage in state.lineages]
    return [int(run.engine.weights(sha)["moves"]) for sha in means]


# ---- stops, forks


class Counting(ScriptedEngine):
    """Knows what it trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, quality=larger_is_better)
        self.trained: list[str] = []

    def train(self, task: TrainingTask) -> Outcome:
        self.trained.append(task.task_id)
        return super().train(task)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """A finished run in which lineages are drawn to their means and challengers are halved."""
    folder = tmp_path_factory.mktemp("fused") / "run"
    run = ScriptedRun(folder, SMALL, Counting(folder))
    (run.folder.data / "manifest.json").write_text("{}", encoding="utf-8")
    assert run.play().status == "finished"
    return run


def end_of(folder: RunFolder) -> RunState:
    return restore(load_commit(folder).record).run


def test_a_mean_moves_once_a_generation(whole: ScriptedRun) -> None:
    champions: dict[int, int] = {}
    for name in whole.engine.trained if isinstance(whole.engine, Counting) else ():
        if name.endswith("champion"):
            lineage = int(name.split("-")[1].removeprefix("l"))
            champions[lineage] = champions.get(lineage, 0) + 1
    found = moves(whole, end_of(whole.folder))
    assert all(0 < count <= champions[index] for index, count in enumerate(found))


def test_a_run_that_stops_every_few_tasks_has_the_same_means(
    whole: ScriptedRun, tmp_path: Path
) -> None:
    state = None
    while state is None or state.status == "running":
        run = ScriptedRun(tmp_path, SMALL, Counting(tmp_path))
        run.engine.stop_after = 4
        if not run.folder.state.exists():
            state = run.play()
            continue
        record = load_commit(run.folder).record
        state = run.play(restore(record).run, record.journal_bytes)
    assert digest(state) == digest(end_of(whole.folder))


def test_the_means_of_phase_ends_are_kept_for_ever(whole: ScriptedRun) -> None:
    record = load_commit(whole.folder).record
    kept = [whole.engine.weights(sha) for sha in record.kept.champions]
    names = [phase.name for phase in phases_of(SMALL) if any(phase.fusion)]
    assert sum("moves" in one for one in kept) == 2 * len(names)


def emptied(source: RunFolder, target: Path, wanted: Iterable[str]) -> RunFolder:
    """The run with these objects only."""
    folder, left = RunFolder(Path(shutil.copytree(source.root, target))), set(wanted)
    for path in folder.objects.iterdir():
        if path.stem not in left:
            path.unlink()
    return folder


@pytest.mark.parametrize("at", ["primordial:3", "cambrian:1", "oxidation:2"])
def test_a_fork_makes_means_and_second_halves_again(
    whole: ScriptedRun, tmp_path: Path, at: str
) -> None:
    source = emptied(whole.folder, tmp_path / "source", ())
    target = RunFolder(tmp_path / "fork")
    engines: list[Counting] = []

    def build(_config: RunConfig, where: RunFolder) -> Counting:
        engines.append(Counting(where.root))
        return engines[-1]

    fork(source, parse_point(at), [], target, build=build, say=lambda _: None)
    start = end_of(target)
    present = {path.stem for path in target.objects.iterdir()}
    assert named_objects(start) <= present
    assert all(lineage.consensus for lineage in start.lineages)
    trained = [name for engine in engines for name in engine.trained]
    assert len(trained) == len(set(trained))
    record = load_commit(target).record
    assert {one.status for one in replay_checks(target, record)} == {"ok"}
    run = ScriptedRun(target.root, restore(record).config, Counting(target.root))
    end = run.play(start, record.journal_bytes)
    assert moves(run, end) == moves(whole, end_of(whole.folder))
