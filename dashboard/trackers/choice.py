"""Which trackers there are by name, and where each of them puts what it shows of a run."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, assert_never

from dashboard.trackers.protocol import Tracker
from dashboard.trackers.wandb import Mode

Name = Literal["tensorboard", "trackio", "wandb"]

NAMES: tuple[Name, ...] = ("tensorboard", "trackio", "wandb")
PROJECT = "symbio-auto"


def chosen(
    names: Iterable[Name], run: Path, environment: Mapping[str, str] | None = None
) -> list[Tracker]:
    """The trackers of these names for the run in the folder `run`; nothing is written yet.

    Raises:
        ValueError: the package of one is missing, or its environment variable says nothing known.
    """
    variables = os.environ if environment is None else environment
    return [_made(name, run, variables) for name in names]


def wandb_mode(environment: Mapping[str, str]) -> Mode:
    """Offline, which needs no account, unless WANDB_MODE says otherwise.

    Raises:
        ValueError: it says something else.
    """
    match environment.get("WANDB_MODE", "").strip().lower():
        case "" | "offline":
            return "offline"
        case "online":
            return "online"
        case other:
            raise ValueError(f"WANDB_MODE={other[:60]}: --wandb takes offline or online; unset it")


def _made(name: Name, run: Path, environment: Mapping[str, str]) -> Tracker:
    match name:
        case "tensorboard":
            from dashboard.trackers.tensorboard import TensorBoard

            return TensorBoard(run / "tensorboard")
        case "trackio":
            from dashboard.trackers.trackio import Trackio

            return Trackio(project=PROJECT)
        case "wandb":
            from dashboard.trackers.wandb import WeightsAndBiases

            # wandb makes the folder `wandb` in it, with links that a run's own folder refuses.
            return WeightsAndBiases(run.parent, project=PROJECT, mode=wandb_mode(environment))
        case _:
            assert_never(name)
