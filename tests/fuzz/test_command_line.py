"""Any argument vector and any environment gives a plan or one line, and writes nothing."""

import argparse
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orchestrator.grammar import build_parser
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import texts
from tests.fuzz.program import Verdict, call, tree, verdict
from trainer.demo_corpus import write_demo_corpus

Arguments = list[str]


def options(parser: argparse.ArgumentParser) -> list[str]:
    """Every option that does not print and leave."""
    leaving = ("--help", "-h", "--version")
    return [
        name for action in parser._actions for name in action.option_strings if name not in leaving
    ]


def commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands' own parsers."""
    actions = build_parser()._actions
    found = next(one for one in actions if isinstance(one, argparse._SubParsersAction))
    return dict(found.choices)


def required(parser: argparse.ArgumentParser) -> list[str]:
    """The options that a command cannot do without, each with a value."""
    needed = [action for action in parser._actions if action.required and action.option_strings]
    return [word for action in needed for word in (action.option_strings[0], "cambrian")]


def choices_of(parser: argparse.ArgumentParser) -> list[str]:
    """Values that some option takes, so that a line often gets past its first check."""
    return [str(choice) for action in parser._actions for choice in action.choices or ()]


def flagged(parser: argparse.ArgumentParser) -> SearchStrategy[Arguments]:
    """Options of a parser with values right and wrong, as two arguments, one, or half of one."""
    names = st.sampled_from(options(parser) or ["--none"])
    known = st.sampled_from(choices_of(parser) or ["1"])
    numbers = st.integers(-9, 2000).map(str) | st.floats(0, 1).map(str) | st.floats().map(str)
    values = st.one_of(known, numbers, texts())
    pair = st.tuples(names, values)
    spelled = st.one_of(
        pair.map(list),
        pair.map(lambda two: [f"{two[0]}={two[1]}"]),
        names.map(lambda name: [name]),
        values.map(lambda value: [value]),
    )
    weights = st.one_of(pair.map(list), spelled)
    return st.lists(weights, max_size=3).map(lambda parts: [one for part in parts for one in part])


@pytest.fixture
def corpus(sandbox: Path) -> Path:
    path = sandbox / "corpus.txt"
    write_demo_corpus(path, 20_000)
    return path


def checked(sandbox: Path, *arguments: str) -> Verdict:
    before = tree(sandbox)
    found = verdict(call(*arguments))
    assert tree(sandbox) == before
    return found


def test_a_plan_of_any_flags_writes_nothing(fuzz: Fuzz, sandbox: Path, corpus: Path) -> None:
    def check(arguments: Arguments) -> Verdict:
        return checked(sandbox, "plan", "--no-probe", "--data", corpus.name, *arguments)

    fuzz(flagged(commands()["plan"]), check, share=0.2)


def test_a_run_without_its_text_never_begins(fuzz: Fuzz, sandbox: Path) -> None:
    def check(arguments: Arguments) -> Verdict:
        return checked(sandbox, *arguments, "--data", "absent.txt")

    main_job = flagged(build_parser())
    fuzz(main_job.filter(lambda arguments: not set(arguments) & set(commands())), check, share=0.2)


def test_every_command_refuses_what_it_does_not_know(fuzz: Fuzz, sandbox: Path) -> None:
    def check(arguments: Arguments) -> Verdict:
        found = checked(sandbox, *arguments, "--no-such-flag")
        assert found == "refused"
        return found

    found = commands()
    lines = st.sampled_from(sorted(found)).flatmap(
        lambda name: flagged(found[name]).map(lambda rest: [name, *rest])
    )
    fuzz(lines, check, share=0.2)


def test_no_command_finds_a_run_where_there_is_none(fuzz: Fuzz, sandbox: Path) -> None:
    def check(line: tuple[str, str]) -> Verdict:
        name, path = line
        found = checked(sandbox, name, *required(commands()[name]), path)
        assert found == "refused"
        return found

    of_run = [name for name, parser in commands().items() if "RUN" in parser.format_usage()]
    fuzz(st.tuples(st.sampled_from(of_run), texts()), check, share=0.2)


def test_any_environment_gives_settings_or_one_line(
    fuzz: Fuzz, sandbox: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(variables: dict[str, str]) -> Verdict:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return checked(sandbox, "plan", "--no-probe", "--data", corpus.name)

    settings = ("BUDGET", "SEED", "MODEL", "MODEL__DIM", "OPTIMIZER__LR", "PHASES", "CONTROL", "")
    names = st.sampled_from(settings) | st.text("ABC_.9", max_size=9)
    variables = st.dictionaries(names.map(lambda name: f"SYMBIO_{name}"), texts(), max_size=3)
    fuzz(variables, check, share=0.2)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("value", ["0", "-1", "10000000000000", "9" * 30])
def test_what_never_ends_is_not_begun(sandbox: Path, value: str) -> None:
    for line in (
        ["sample", "run", "--num", value],
        ["sample", "run", "--tokens", value],
        ["demo-data", "--out", "text.txt", "--chars", value],
        ["plan", "--data", __file__, "--budget", value],
    ):
        assert checked(sandbox, *line) == "refused"
