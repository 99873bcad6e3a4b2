"""defaults < domain < preset < file < symbio configuration < environment < flags."""

import json
from pathlib import Path

import pytest

from orchestrator.config import RunConfig
from orchestrator.flags import settings_of
from orchestrator.grammar import build_parser
from orchestrator.settings import Settings
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config
from trainer.config import Contiguous
from trainer.instruments.config import SymbioConfig

ELEVEN = {
    "cusumThreshold": 3.5,
    "cusumDrift": 0.25,
    "metricsInterval": 10,
    "adaptiveBatch": False,
    "batchMin": 4,
    "batchMax": 32,
    "batchStep": 2,
    "trackWeightEntropy": False,
    "trackEffectiveRank": False,
    "trackFreeEnergy": False,
    "trackMIProfiles": True,
}


def given(*words: str) -> Settings:
    """The settings of a command line."""
    arguments = build_parser().parse_args(["train", *words])
    return settings_of(arguments, TRAIN_FLAGS, TRAIN_SWITCHES)


def built(
    *words: str,
    file: Path | None = None,
    symbio: Path | None = None,
    environment: dict[str, str] | None = None,
) -> RunConfig:
    return build_train_config(
        given(*words), config_file=file, symbio_file=symbio, environment=environment or {}
    ).config


def written(path: Path, settings: dict[str, object]) -> Path:
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def test_one_model_runs_inline_with_2000_steps_of_gelu() -> None:
    config = built()
    assert (config.mode, config.budget, config.train.activation) == ("train", 2000, "gelu")
    assert config.engine.engine == "inline"
    assert config.train.symbio is None
    assert config.optimizer == RunConfig().optimizer


def test_symbio_sets_the_originals_values() -> None:
    config = built("--symbio")
    rates = config.optimizer
    assert config.train.activation == "swiglu"
    assert (rates.lr, rates.beta2, rates.weight_decay) == (5e-5, 0.95, 0.1)
    assert (rates.grad_clip, rates.warmup, rates.spike_threshold) == (5.0, 500, 10.0)
    assert config.train.symbio == SymbioConfig()


def test_the_preset_original_charts_raw_signals() -> None:
    symbio = built("--symbio", "--preset", "original").train.symbio
    assert symbio is not None
    assert symbio.chart == "original"


def test_each_source_goes_over_the_one_before(tmp_path: Path) -> None:
    """One setting, one source more at a time: the newest one counts."""
    file = written(tmp_path / "run.json", {"optimizer": {"lr": 0.002}})
    symbio = written(tmp_path / "symbio.json", {"lr": 0.003})
    variables = {"SYMBIO_OPTIMIZER__LR": "0.004"}
    rates = [
        built().optimizer.lr,
        built("--symbio").optimizer.lr,
        built("--symbio", file=file).optimizer.lr,
        built("--symbio", file=file, symbio=symbio).optimizer.lr,
        built("--symbio", file=file, symbio=symbio, environment=variables).optimizer.lr,
        built(
            "--symbio", "--lr", "0.005", file=file, symbio=symbio, environment=variables
        ).optimizer.lr,
    ]
    assert rates == [RunConfig().optimizer.lr, 5e-5, 0.002, 0.003, 0.004, 0.005]


def test_a_preset_goes_over_the_domain_and_the_domain_over_the_defaults() -> None:
    assert built().data.split == "auto"
    assert built("--domain", "chat").data.split == "document"
    assert built("--domain", "text").data.split == "block"
    assert built("--domain", "text", "--split", "document").data.split == "document"
    parts = built("--domain", "text", "--split", "contiguous:0.8,0.1,0.1").data.split
    assert parts == Contiguous(train=0.8, search=0.1, test=0.1)


def test_a_flag_overrides_the_preset_and_leaves_the_rest_of_it() -> None:
    config = built("--symbio", "--activation", "gelu", "--spike-threshold", "0")
    assert config.train.activation == "gelu"
    assert config.optimizer.spike_threshold is None
    assert config.optimizer.grad_clip == 5.0


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).replace("_m_i_", "_mi_")


@pytest.mark.parametrize("spell", [str, snake])
def test_all_eleven_keys_reach_the_instruments_in_either_spelling(
    tmp_path: Path, spell: type[str]
) -> None:
    path = written(tmp_path / "symbio.json", {spell(key): v for key, v in ELEVEN.items()})
    symbio = built("--symbio", symbio=path).train.symbio
    assert symbio is not None
    ours = {"chart", "free_energy_weight", "temperature_control"}
    assert symbio.model_dump(exclude=ours) == {snake(k): v for k, v in ELEVEN.items()}


def test_the_training_keys_of_a_symbio_configuration_are_the_originals(tmp_path: Path) -> None:
    settings = {"ffnActivation": "silu", "gradClip": 2.0, "warmupIters": 7, "spikeThreshold": 0}
    config = built("--symbio", symbio=written(tmp_path / "symbio.json", settings))
    assert config.train.activation == "silu"
    assert (config.optimizer.grad_clip, config.optimizer.warmup) == (2.0, 7)
    assert config.optimizer.spike_threshold is None


def test_environment_and_file_go_over_single_keys_of_the_instruments(tmp_path: Path) -> None:
    path = written(tmp_path / "symbio.json", {"metricsInterval": 10, "batchStep": 2})
    variables = {"SYMBIO_TRAIN__SYMBIO__METRICS_INTERVAL": "20"}
    symbio = built("--symbio", symbio=path, environment=variables).train.symbio
    assert symbio is not None
    assert (symbio.metrics_interval, symbio.batch_step) == (20, 2)


def test_a_symbio_configuration_without_symbio_warns_and_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "symbio.json", {"lr": 1.0, "metricsInterval": 10})
    config, warnings = build_train_config({}, symbio_file=path, environment={})
    assert config == built()
    assert warnings == (f"--symbio-config {path} has no effect without --symbio",)


def test_a_file_or_a_variable_can_turn_the_instruments_on(tmp_path: Path) -> None:
    file = written(tmp_path / "run.json", {"train": {"symbio": True}})
    assert built(file=file).train.symbio == SymbioConfig()
    assert built(file=file).train.activation == "swiglu"
    off = {"SYMBIO_TRAIN__SYMBIO": "false"}
    assert built(file=file, environment=off).train.symbio is None
    assert built(environment={"SYMBIO_TRAIN__SYMBIO": "true"}).optimizer.grad_clip == 5.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cusumTreshold": 2}, "cusumTreshold"),
        ({"batchMin": 0}, "batchMin"),
        ({"lr": -1}, "lr"),
        ({"metricsInterval": "often"}, "metricsInterval"),
    ],
)
def test_a_wrong_key_of_a_symbio_configuration_is_named(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        built("--symbio", symbio=written(tmp_path / "symbio.json", settings))
    assert "\n" not in str(caught.value)


def test_settings_of_the_six_phases_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "run.json", {"mode": "phases"})
    with pytest.raises(ValueError, match="mode = phases: give these settings to symbio-auto"):
        built(file=file)
    with pytest.raises(ValueError, match="control belongs to the six phases"):
        built(file=written(tmp_path / "run.json", {"control": ["gelu"]}))


def test_every_flag_of_the_requirement_is_there() -> None:
    wanted = """--activation --lr --batch --block --dim --heads --layers --ffn-dim --recipe --split
    --iters --warmup --beta2 --weight-decay --grad-clip --spike-threshold --tokenizer --vocab
    --eval-interval --sample-interval --domain --dropout --seed --device --dtype --preset --symbio
    --adapt-to-throughput --init-from --run-dir --deterministic"""
    names = {flag.name for flag in TRAIN_FLAGS} | {switch.name for switch in TRAIN_SWITCHES}
    assert set(wanted.split()) <= names


def test_every_flag_names_a_setting_that_exists() -> None:
    config = built().model_dump()
    for path in (one.path for one in TRAIN_FLAGS):
        table: object = config
        for name in path.split("."):
            assert isinstance(table, dict)
            assert name in table, path
            table = table[name]
