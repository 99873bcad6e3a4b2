"""The command line starts fast and says what it can do."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from orchestrator.cli import COMMANDS, main
from orchestrator.flags import FLAGS
from orchestrator.grammar import build_parser
from orchestrator.settings import Settings, build_config, from_environment, merge, nested

ROOT = Path(__file__).parent.parent


def test_help_loads_neither_torch_nor_ray() -> None:
    script = (
        "import sys\n"
        "from orchestrator.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'torch', 'ray', 'scipy', 'sqlalchemy', 'alembic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {slow}' if slow else 0)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    assert all(flag.name in text for flag in FLAGS)


def test_every_command_has_its_function() -> None:
    for module, function in COMMANDS.values():
        assert callable(getattr(import_module(f"orchestrator.commands.{module}"), function))


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "models"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


def test_every_flag_names_a_setting_that_exists() -> None:
    config = build_config({}, environment={}).model_dump()
    for flag in FLAGS:
        table = config
        *tables, last = flag.path.split(".")
        for name in tables:
            table = table[name]
        assert last in table, flag.name


def test_flags_go_over_environment_and_environment_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("budget = 100\nseed = 1\n[model]\ndim = 32\nlayers = 2\n", encoding="utf-8")
    environment = {"SYMBIO_BUDGET": "200", "SYMBIO_MODEL__DIM": "48", "SYMBIO_DB_URL": "x"}
    config = build_config({"budget": 300}, config_file=path, environment=environment)
    assert (config.budget, config.model.dim, config.model.layers, config.seed) == (300, 48, 2, 1)


def test_a_preset_goes_under_what_is_given() -> None:
    config = build_config({"preset": "original", "optimizer": {"lr": 0.001}}, environment={})
    assert config.model.recipe == "classic"
    assert config.optimizer.grad_clip == 5.0
    assert config.optimizer.lr == 0.001


def test_json_yaml_and_toml_say_the_same(tmp_path: Path) -> None:
    texts = {
        "a.toml": "budget = 120\n[model]\ndim = 32\n",
        "a.yaml": "budget: 120\nmodel: {dim: 32}\n",
        "a.json": '{"budget": 120, "model": {"dim": 32}}',
    }
    configs = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        configs.append(build_config({}, config_file=tmp_path / name, environment={}))
    assert configs[0] == configs[1] == configs[2]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.*")), ids=lambda path: path.name)
def test_every_shipped_configuration_is_valid(path: Path) -> None:
    build_config({}, config_file=path, environment={})


def test_tables_merge_and_values_replace() -> None:
    low: Settings = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merge(low, nested("a.b", 9)) == {"a": {"b": 9, "c": 2}, "d": 3}
    assert from_environment({"SYMBIO_A__B": "[1, 2]", "OTHER": "x"}) == {"a": {"b": [1, 2]}}


def test_the_readme_names_only_commands_and_flags_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"```text\n.*?```", "", text, flags=re.DOTALL)
    parser = build_parser()
    known = {option for action in parser._actions for option in action.option_strings}
    for line in text.splitlines():
        words = line.strip().split("#")[0].split()
        if not words or words[0] != "symbio-auto" or "|" in line:
            continue
        if len(words) > 1 and not words[1].startswith("-"):
            assert words[1] in COMMANDS, line
        elif not {"plan"} & set(words):
            assert {word for word in words if word.startswith("--")} <= known, line
