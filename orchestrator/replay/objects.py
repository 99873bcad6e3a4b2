"""Making checkpoints again that a run has let go of.

A checkpoint's sha256 names its bytes, and the training task that made it is known from the replay.
So it can be trained again from its parent, which is had the same way, and must come out the same.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import groupby, zip_longest
from typing import NamedTuple

from orchestrator.config import RunConfig
from orchestrator.engine import Engine
from orchestrator.replay.states import Played
from state.progress import SILENT, Reporter
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import TrainingTask

EngineBuilder = Callable[[RunConfig, RunFolder], Engine]


class Maker(NamedTuple):
    """A task that left objects."""

    stage: int
    wave: int
    """Tasks of one stage and wave do not need each other; second halves are the second wave."""
    config: RunConfig
    task: TrainingTask
    made: tuple[str, ...]
    """sha256 of its checkpoint, and of the running means that it moved."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Objects that the task starts from."""
        task = self.task
        mean = task.fusion.mean if task.fusion else None
        named = (task.parent, mean, *(teacher.checkpoint for teacher in task.teachers))
        return tuple(sha for sha in named if sha is not None)


def makers_of(stages: Iterable[Played]) -> dict[str, Maker]:
    """Who made which object, in the order in which they were made."""
    makers: dict[str, Maker] = {}
    for number, played in enumerate(stages):
        for task, result in zip(played.tasks, played.results, strict=True):
            if isinstance(result, TrainingResult) and isinstance(task, TrainingTask):
                wave = int(task.second_half_of is not None)
                maker = Maker(number, wave, played.config, task, made_by(result))
                for sha in maker.made:
                    makers.setdefault(sha, maker)
    return makers


def made_by(result: TrainingResult) -> tuple[str, ...]:
    """The objects that a training left."""
    made = (result.checkpoint, result.consensus, result.averaged)
    return tuple(sha for sha in made if sha is not None)


def needed_makers(
    wanted: Iterable[str], makers: dict[str, Maker], is_there: Callable[[str], bool]
) -> list[Maker]:
    """What has to be trained again for `wanted` to be there, each once, in the order of the run.

    Raises:
        ValueError: an object is gone that no training task of the run has made.
    """
    needed: set[str] = set()
    unseen = [sha for sha in wanted if not is_there(sha)]
    while unseen:
        sha = unseen.pop()
        if sha in needed:
            continue
        if sha not in makers:
            raise ValueError(
                f"object {sha[:12]}... is gone and no recorded task has made it; "
                "restore it from a copy or choose another point"
            )
        needed.add(sha)
        unseen += [one for one in makers[sha].inputs if not is_there(one)]
    again = (maker for sha, maker in makers.items() if sha in needed)
    return list({(maker.stage, maker.task.task_id): maker for maker in again}.values())


def make_again(
    makers: list[Maker], folder: RunFolder, build: EngineBuilder, progress: Reporter = SILENT
) -> None:
    """Train them once more in `folder`; what they leave must have the sha256 that it had.

    Raises:
        ValueError: one comes out differently, or cannot be trained.
    """
    done, total = 0, sum(maker.task.steps for maker in makers)
    with progress.work("training again", total, "steps", beats=True) as advance:
        for config, of_config in groupby(makers, key=lambda maker: maker.config):
            with closing(build(config, folder)) as engine:
                for _, same in groupby(of_config, key=lambda maker: (maker.stage, maker.wave)):
                    wave = list(same)
                    _train(wave, engine)
                    done += sum(maker.task.steps for maker in wave)
                    advance(done)


def _train(makers: list[Maker], engine: Engine) -> None:
    # What was measured is on record; evaluations come after the weights and do not touch them.
    tasks = [maker.task.model_copy(update={"evaluate": ()}) for maker in makers]
    outcomes = engine.run(tasks, lambda: False)
    for maker, outcome in zip(makers, outcomes, strict=True):
        _require_same(maker, outcome)


def _require_same(maker: Maker, outcome: Outcome) -> None:
    result = outcome.result
    assert isinstance(result, TrainingResult)
    if result.status != "trained":
        raise ValueError(f"{maker.task.task_id} cannot be trained again: {result.error}")
    for found, expected in zip_longest(made_by(result), maker.made):
        if found != expected:
            raise ValueError(
                f"{maker.task.task_id} gives {str(found)[:12]}..., the run had "
                f"{str(expected)[:12]}...: this machine does not reproduce the run; fork it where "
                "it was made, or from a point whose objects are still there"
            )
