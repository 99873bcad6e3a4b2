"""The YAML configurations of recurrent models are what their comments say."""

from pathlib import Path

import pytest

from orchestrator.resolve import resolve_shape
from orchestrator.train_settings import build_train_config
from state.genome import parse
from trainer.widths import num_parameters

CONFIGS = Path(__file__).parents[2] / "configs"
SAID = {
    "quick.yaml": (200, "small", 32, 64, 3e6),
    "default.yaml": (5000, "small", 64, 64, 3e6),
    "medium_50k.yaml": (50_000, "medium", 128, 128, 7e6),
}
"""Steps, size, windows of a batch, their length, parameters."""


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_configuration_is_as_large_and_long_as_it_says(name: str) -> None:
    path = CONFIGS / name
    steps, size, batch, block, parameters = SAID[name]
    config = build_train_config({}, config_file=path, environment={}).config
    shape = resolve_shape(config, 10**6).config
    assert (config.budget, config.model.backbone, shape.model.size) == (steps, "gf-mh", size)
    assert (shape.optimizer.batch, shape.model.block) == (batch, block)
    model = shape.model.model_copy(update={"vocab_size": 330})
    assert num_parameters(model, parse(config.train.activation)) == pytest.approx(
        parameters, rel=0.1
    )
    said = f"{round(parameters / 1e6)} million parameters"
    assert said in path.read_text(encoding="utf-8")


def test_none_is_forgotten() -> None:
    assert {path.name for path in CONFIGS.glob("*.yaml")} == set(SAID)
