"""A run without the instruments pays for none of them."""

from pathlib import Path
from typing import NoReturn

import pytest

from state.results import TrainingResult
from state.run_folder import RunFolder
from tests.task_builders import make_training_task
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.instruments.config import SymbioConfig

EVERYTHING = [
    "trainer.training.Instruments",
    "trainer.instruments.on_member.weight_entropy",
    "trainer.instruments.on_member.mean_effective_rank",
    "trainer.instruments.on_member.free_energy",
    "trainer.instruments.on_member.mean_information",
    "trainer.instruments.on_member.adapt_batch",
    "trainer.instruments.cusum_panel.observe",
]


def asked(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("an instrument was asked")


@pytest.mark.parametrize("name", EVERYTHING)
def test_without_symbio_no_instrument_is_asked_and_with_it_each_one_is(
    name: str, setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    symbio = SymbioConfig(metrics_interval=1, track_mi_profiles=True)
    watched = setup.model_copy(update={"symbio": symbio})
    monkeypatch.setattr(name, asked)
    for path in RunFolder(Path(setup.run_folder)).partial.glob("*"):
        path.unlink()  # What was done before would be remembered.
    result = TaskExecutor(setup).execute(make_training_task(steps=3)).result
    assert isinstance(result, TrainingResult)
    assert result.status == "trained"
    with pytest.raises(RuntimeError, match="an instrument was asked"):
        TaskExecutor(watched).execute(make_training_task(steps=3))
