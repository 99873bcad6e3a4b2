"""The command line starts fast and says what it can do."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from orchestrator.cli import COMMANDS, main
from orchestrator.commands.train import RUN_DIR
from orchestrator.error_line import MAX_CHARS
from orchestrator.flags import FLAGS, GROUPS
from orchestrator.grammar import TRAIN_DEFAULTS, build_parser
from orchestrator.help_page import COMMAND_GROUPS, EXAMPLES, WIDTH
from orchestrator.one_line_parser import commands_of, flags_of
from orchestrator.settings import Settings, build_config, from_environment, merge, nested

ROOT = Path(__file__).parent.parent


def test_help_loads_neither_torch_nor_ray() -> None:
    script = (
        "import sys\n"
        "from orchestrator.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'torch', 'ray', 'scipy', 'numpy', 'sqlalchemy', 'alembic', 'shtab', 'rich'}\n"
        "slow &= set(sys.modules)\n"
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


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_the_shell_closed_is_no_error(closed: str) -> None:
    command = f'"{sys.executable}" -m orchestrator.cli models {closed}'
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


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
    assert from_environment({"SYMBIO_DATA__PATHS": "[1, 2]", "OTHER": "x"}) == {
        "data": {"paths": [1, 2]}
    }


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


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which a command line is refused."""
    with pytest.raises(SystemExit) as leaving:
        build_parser().parse_args(list(words))
    assert leaving.value.code == 2
    captured = capsys.readouterr()
    assert not captured.out
    (line,) = captured.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("stauts run", "stauts is no command; did you mean status?"),
        ("smaple run", "smaple is no command; did you mean sample?"),
        ("zzz", "zzz is no command; symbio-auto --help lists them"),
        ("--data x --bugdet 2000", "symbio-auto has no --bugdet; did you mean --budget?"),
        ("--bugdet=2000", "symbio-auto has no --bugdet; did you mean --budget?"),
        ("--tok byte", "symbio-auto has no --tok; did you mean --tokenizer?"),
        ("-budget 9", "symbio-auto has no -budget; did you mean --budget?"),
        ("--zzz 9", "symbio-auto has no --zzz (see symbio-auto --help)"),
        ("status run --jsno", "symbio-auto status has no --jsno; did you mean --json?"),
        ("plan --presett x", "symbio-auto plan has no --presett; did you mean --preset?"),
        ("train --budget 9", "symbio-auto train has no --budget; it belongs to symbio-auto "),
        ("--iters 9", "symbio-auto has no --iters; it belongs to symbio-auto train "),
        ("--engine rey", "--engine rey is unknown; did you mean ray? choose one of ray, inline"),
        ("--engine slurm", "--engine slurm is unknown; choose one of ray, inline"),
        ("--tokenizer bep", "did you mean bpe? choose one of byte, char, bpe"),
        ("train --dtype flaot32", "did you mean float32? choose one of auto, float32, bfloat16"),
        ("completion bahs", "did you mean bash? choose one of bash, zsh, fish, tcsh"),
        ("help stauts", "COMMAND stauts is unknown; did you mean status?"),
        ("help foo", "COMMAND foo is unknown; symbio-auto --help lists them"),
        ("plan tarin", "tarin is no command; did you mean train?"),
        ("status", "give RUN, a run's folder such as runs/symbio-auto"),
        ("fork run", "still missing: --at"),
        ("sample run --prompt", "--prompt takes a value; one that begins with a dash is written"),
        ("--data", "--data takes at least one value"),
        ("--budget many", "--budget: 'many' is not a whole number; give one such as 2000"),
        ("status run more", "more is one argument too many (see symbio-auto status --help)"),
        ("--json status run", "--json stands before status; write it behind"),
        ("plan --json train", "--json stands before train; write it behind"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(
    capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert said in refusal(capsys, *words.split())


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ("--model smal", {}, "--model smal is unknown; did you mean small? choose one of auto"),
        ("--data x --backbone nope", {}, "= nope is unknown; it is one of gpt, hy"),
        ("--preset orginal", {}, "did you mean original? choose one of default, original"),
        ("--control gleu", {}, "'gleu' is no activation; did you mean gelu?"),
        ("train --activation swigul", {}, "is no activation; did you mean swiglu?"),
        ("train --split documnet", {}, "did you mean document? give one of auto, document"),
        ("", {"SYMBIO_BUGDET": "9"}, "SYMBIO_BUGDET names no setting; did you mean SYMBIO_BUDGET?"),
        ("", {"SYMBIO_DIM": "9"}, "did you mean SYMBIO_MODEL__DIM?"),
        ("", {"SYMBIO_ZZZ": "9"}, "SYMBIO_ZZZ names no setting; take it away, or see"),
        (
            "",
            {"SYMBIO_EVOLUTION__WITHHELD": '["plataeu", "colapse"]'},
            "plataeu is no finding; give some of host_overfitting",
        ),
        (
            "",
            {"SYMBIO_DATA__DOMAIN": "cht"},
            "data.domain = cht is unknown; did you mean chat? choose one of chat, text",
        ),
        ("", {"SYMBIO_MODEL__BACKBONE": "gtp"}, "did you mean gpt?"),
    ],
)
def test_a_setting_that_is_nearly_right_is_answered_likewise(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    variables: dict[str, str],
    said: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main([*words.split(), "--data", __file__]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bugdet = 9", "bugdet is no setting; did you mean budget?"),
        ("[optimizer]\nlrr = 9", "optimizer.lrr is no setting; did you mean optimizer.lr?"),
        ("dropout = 0.1", "dropout is no setting; did you mean model.dropout?"),
        ("[optimizer]\nrate = 9", "optimizer.rate is no setting; see symbio-auto --help"),
        ("phases = [{name='primordial', kind='search', share=1, copling=1}]", "mean coupling?"),
    ],
)
def test_a_key_of_a_file_is_answered_with_the_setting(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(said)):
        build_config({}, config_file=path, environment={})


@pytest.mark.parametrize("name", ["x" * 1_000_000, "st\x1b[31matus", "a\nb\u2028c", "\udcff"])
@pytest.mark.parametrize("before", ["", "--", "--model=", "--engine=", "status run --"])
def test_a_hostile_name_gives_one_short_line(
    capsys: pytest.CaptureFixture[str], before: str, name: str
) -> None:
    *words, last = (
        f"{before}{name}".rsplit(" ", 1) if before.endswith("run --") else [before + name]
    )
    assert exit_code([*" ".join(words).split(), last]) == 2
    (line,) = capsys.readouterr().err[:-1].split("\n")
    assert line.isprintable()
    assert len(line) < MAX_CHARS


def exit_code(words: list[str]) -> int:
    """Of the program, whether the parser or the command refuses."""
    try:
        return main(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)


def test_an_existing_file_is_offered_as_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "book.txt"
    path.write_text("text", encoding="utf-8")
    assert "is no command; to train on a text write --data before it" in refusal(capsys, str(path))


def test_without_data_a_newcomer_is_told_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "data/historic.txt does not exist" in line
    assert "symbio-auto demo-data" in line
    assert not list(tmp_path.iterdir())


def pages() -> dict[str, str]:
    """Every help page by its command."""
    parser = build_parser()
    inner = commands_of(parser)
    below = {
        f"{command} {name}": one
        for command in ("plan", "gcp")
        for name, one in commands_of(inner[command]).items()
    }
    return {name: one.format_help() for name, one in {"": parser, **inner, **below}.items()}


def test_every_page_is_readable_in_eighty_columns_and_has_its_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    found = pages()
    assert found.keys() - {""} == EXAMPLES.keys()
    for name, page in found.items():
        assert max(map(len, page.splitlines())) <= WIDTH, name
        assert page.count("symbio-auto") >= 2, name
        assert name == "" or EXAMPLES[name] in page, name


def test_every_example_is_understood() -> None:
    for words in (
        *EXAMPLES.values(),
        *re.findall(r"^  (symbio-auto .*?)(?:  |$)", pages()[""], re.M),
    ):
        inner = re.fullmatch(r'eval "\$\((.*)\)"', words)
        parts = shlex.split(inner[1] if inner else words)
        assert parts[0] == "symbio-auto"
        build_parser().parse_args(parts[1:])


def test_every_command_and_every_flag_stands_in_one_group() -> None:
    grouped = [name for names in COMMAND_GROUPS.values() for name in names]
    assert sorted([*grouped, "resume"]) == sorted([*COMMANDS, "resume"])
    listed = [name for names in GROUPS.values() for name in names]
    assert len(set(listed)) == len(listed)
    parser = build_parser()
    known = {*flags_of(parser), *flags_of(commands_of(parser)["train"])}
    assert known - {"--help", "--version"} == set(listed)


def test_the_help_shows_what_holds_without_a_flag() -> None:
    found = pages()
    for page, shown in (
        ("", "optimizer steps, over all members and phases (50,000)"),
        ("", "attention heads (as --model)"),
        ("", "a process a worker, or one in all (ray)"),
        ("train", "a process a worker, or one in all (inline)"),
        ("train", "optimizer steps (2,000)"),
        ("train", f"folder of the run ({RUN_DIR})"),
    ):
        assert shown in found[page]
    assert TRAIN_DEFAULTS["run_dir"] == str(RUN_DIR)


def test_help_prints_the_page_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words, page in (([], ""), (["sample"], "sample"), (["help"], "help")):
        assert main(["help", *words]) == 0
        assert capsys.readouterr().out == pages()[page]


def test_whoever_interrupts_a_look_is_told_of_no_commit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.commands.models.run", interrupt)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "symbio-auto: interrupted\n"
