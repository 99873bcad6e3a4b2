"""Making checkpoints again that a run has let go of.

A checkpoint's sha256 names its bytes, and the training task that made it is known from the replay.
So it can be trained again from its parent, which is had the same way, and must come out the same.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import groupby
from typing import NamedTuple

from orchestrator.config import RunConfig
from orchestrator.engine import Engine
from orchestrator.replay.states import Played
from state.run_folder import RunFolder
from state.tasks import Outcome, TrainingResult, TrainingTask

EngineBuilder = Callable[[RunConfig, RunFolder], Engine]


class Maker(NamedTuple):
    """The task that made a checkpoint."""

    sha: str
    stage: int
    """Number of its stage: tasks of one stage do not need each other."""
    config: RunConfig
    task: TrainingTask

    @property
    def inputs(self) -> tuple[str, ...]:
        """Checkpoints that the task starts from."""
        parent = () if self.task.parent is None else (self.task.parent,)
        return (*parent, *(teacher.checkpoint for teacher in self.task.teachers))


def makers_of(stages: Iterable[Played]) -> dict[str, Maker]:
    """Who made which checkpoint, in the order in which they were made."""
    makers: dict[str, Maker] = {}
    for number, played in enumerate(stages):
        for task, result in zip(played.tasks, played.results, strict=True):
            sha = result.checkpoint if isinstance(result, TrainingResult) else None
            if sha is not None and isinstance(task, TrainingTask):
                makers.setdefault(sha, Maker(sha, number, played.config, task))
    return makers


def needed_makers(
    wanted: Iterable[str], makers: dict[str, Maker], is_there: Callable[[str], bool]
) -> list[Maker]:
    """What has to be trained again for `wanted` to be there, in the order of the run.

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
    return [maker for sha, maker in makers.items() if sha in needed]


def make_again(makers: list[Maker], folder: RunFolder, build: EngineBuilder) -> None:
    """Train them once more in `folder`; each must come out with the sha256 that it had.

    Raises:
        ValueError: one comes out differently, or cannot be trained.
    """
    for config, of_config in groupby(makers, key=lambda maker: maker.config):
        with closing(build(config, folder)) as engine:
            for _, stage in groupby(of_config, key=lambda maker: maker.stage):
                _train(list(stage), engine)


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
    if result.checkpoint != maker.sha:
        raise ValueError(
            f"{maker.task.task_id} gives {str(result.checkpoint)[:12]}..., the run had "
            f"{maker.sha[:12]}...: this machine does not reproduce the run; fork it where it was "
            "made, or from a point whose objects are still there"
        )
