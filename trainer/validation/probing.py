"""What a worker adds to an evaluation that the validation gates asked for."""

from typing import TypedDict, assert_never

from state.validation import BuildReading, Probe, StateReading
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.member import precision
from trainer.validation.build import read_build
from trainer.validation.states import read_states


class Probed(TypedDict, total=False):
    """Fields of `EvaluationResult`."""

    build: BuildReading
    states: tuple[StateReading, ...]


def probed(probe: Probe | None, model: GPT, dataset: Dataset, setup: WorkerSetup) -> Probed:
    """The readings that `probe` names; None names none."""
    with precision(setup):
        match probe:
            case None:
                return {}
            case "build":
                return {"build": read_build(model, dataset.tokenizer, setup.seed)}
            case "states":
                return {"states": read_states(model, dataset)}
            case _:
                assert_never(probe)
