"""Over how many devices a host is spread, and what refuses it."""

import pytest

from orchestrator import resolve
from orchestrator.config import EngineConfig, RunConfig
from orchestrator.flag_values import whole_or_auto
from orchestrator.host_devices import with_host_devices
from orchestrator.resolve import worker_setup
from orchestrator.train_config import TrainConfig
from state.run_folder import RunFolder
from trainer.config import ModelConfig, OptimizerConfig
from trainer.instruments.config import SymbioConfig


def config_of(host_devices: object, batch: int = 12, **changes: object) -> RunConfig:
    engine = {"host_devices": host_devices, "device": "cuda", **changes}
    return RunConfig(
        engine=EngineConfig.model_validate(engine), optimizer=OptimizerConfig(batch=batch)
    )


def found(config: RunConfig, gpus: int) -> object:
    return with_host_devices(config, gpus).host_devices


def test_auto_takes_as_many_gpus_as_divide_the_batch() -> None:
    assert [found(config_of("auto"), gpus) for gpus in (0, 1, 4, 5, 8)] == [1, 1, 4, 4, 6]
    assert found(config_of("auto", batch=7), 4) == 1


def test_one_device_is_what_nobody_asks_for() -> None:
    assert EngineConfig().host_devices == 1
    assert found(config_of(1), 8) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (config_of(4), r"--host-devices 4: this machine shows 2 GPU\(s\); give at most so many"),
        (
            config_of(5, device="cpu"),
            "--host-devices 5: the batch of 12 windows does not divide by it; change --batch",
        ),
        (
            config_of(2, ray_address="10.0.0.1:6379"),
            "--host-devices 2: the workers of a cluster see one device each",
        ),
        (
            config_of(2).model_copy(update={"model": ModelConfig(backbone="gf-mh", stateful=True)}),
            "--host-devices 2: --stateful hands states from batch to batch",
        ),
        (
            config_of(2).model_copy(update={"train": TrainConfig(symbio=SymbioConfig())}),
            "--host-devices 2: the instruments of --symbio read whole batches",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(config: RunConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        with_host_devices(config, 2)
    assert "\n" not in str(refused.value)
    assert found(config.model_copy(update={"engine": auto(config)}), 1) == 1


def auto(config: RunConfig) -> EngineConfig:
    return config.engine.model_copy(update={"host_devices": "auto"})


def test_processes_may_share_the_cores_of_a_cpu() -> None:
    assert found(config_of(3, device="cpu"), 0) == 3


def test_a_run_asks_the_machine_and_tells_the_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(resolve, "num_gpus", lambda: 4)
    resolved = resolve.on_devices(config_of("auto"))
    assert resolved.engine.host_devices == 4
    setup = worker_setup(resolved, RunFolder(tmp_path_factory.mktemp("run")))
    assert setup.host_devices == 4


def test_the_flag_takes_a_number_or_auto() -> None:
    assert [whole_or_auto("auto"), whole_or_auto("3")] == ["auto", 3]
