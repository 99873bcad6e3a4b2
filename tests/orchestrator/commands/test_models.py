"""Sizes and backbones as they are listed."""

import json

import pytest

from orchestrator.cli import main
from orchestrator.commands.models import parameters
from trainer.backbones.names import MIXINGS, list_backbones


def test_every_backbone_is_listed_with_its_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for backbone in list_backbones():
        assert any(line.startswith(f"{backbone} ") for line in lines), backbone
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["backbone"] for row in rows} == set(list_backbones())
    assert {row["parameters"] for row in rows if row["name"] == "tiny"} > {262_144}


def test_large_has_about_30_and_xl_about_125_million_parameters() -> None:
    for backbone in (name for name in list_backbones() if len(MIXINGS[name].components) == 2):
        assert 27e6 < parameters("large", backbone) < 33e6
        assert 110e6 < parameters("xl", backbone) < 140e6
