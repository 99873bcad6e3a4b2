"""The grammar of the command line: every command and flag, without importing what they run."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from orchestrator.battery.prompt_file import prompt_lines
from orchestrator.error_line import error_line
from orchestrator.flags import add_flags, number, whole
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES, add_train_arguments

EXIT_USAGE = 2

DESCRIPTION = """\
Train a small language model on a text, with a budget of optimizer steps: six phases in which the
activation evolves while the model trains. Without a command this starts or resumes a run.
"""


TRAIN_DESCRIPTION = """\
Train one model with one activation straight from its first step to its last. The best checkpoint by
the search split is handed over.
"""


class OneLineParser(argparse.ArgumentParser):
    """Usage errors are one line: value, rule, remedy."""

    def error(self, message: str) -> NoReturn:
        """Print the line and leave with exit code 2."""
        line = f"{error_line(message)} (see {self.prog} --help)"
        print(f"symbio-auto: error: {line}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    parser = OneLineParser(
        prog="symbio-auto", description=DESCRIPTION, allow_abbrev=False, exit_on_error=True
    )
    parser.add_argument(
        "--version", action="version", version=f"symbio-auto {version('symbio-auto')}"
    )
    _main_arguments(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=OneLineParser, title="commands"
    )
    _add_plan(commands)
    _add_train(commands)
    _add_run_commands(commands)
    _add_tools(commands)
    return parser


def _main_arguments(parser: argparse.ArgumentParser) -> None:
    job = parser.add_argument_group("the main job")
    job.add_argument(
        "--resume", type=Path, metavar="STATE", help="go on from a run's folder or state.json"
    )
    _add_settings(job)
    job.add_argument("--plain", action="store_true", help="log lines in place of the live view")
    job.add_argument("--json", action="store_true", help="print the final report as JSON only")


def _add_settings(parser: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML, JSON, YAML")
    add_flags(parser)


Commands = argparse._SubParsersAction


def _add_plan(commands: "Commands[OneLineParser]") -> None:
    plan = commands.add_parser("plan", help="what a run would do with its budget")
    _add_settings(plan)
    plan.add_argument("--json", action="store_true")


def _add_train(commands: "Commands[OneLineParser]") -> None:
    train = commands.add_parser(
        "train", help="one model, no evolution", description=TRAIN_DESCRIPTION
    )
    add_train_arguments(train)
    add_flags(train, TRAIN_FLAGS, TRAIN_SWITCHES)


def _add_run_commands(commands: "Commands[OneLineParser]") -> None:
    status = _of_run(commands, "status", "where a run stands")
    status.add_argument("--json", action="store_true")
    watch = _of_run(commands, "watch", "follow a run that works elsewhere")
    watch.add_argument("--plain", action="store_true", help="log lines in place of the live view")
    for name, text in (
        ("pause", "let a run commit, give its workers back and wait"),
        ("stop", "what Ctrl-C does, from another terminal; twice leaves at once"),
    ):
        asked = _of_run(commands, name, text)
        asked.add_argument(
            "--timeout", type=number, default=600.0, metavar="SECONDS", help="how long to wait"
        )
    resume = _of_run(commands, "resume", "let a paused run go on, or go on with a stopped one")
    resume.add_argument("--plain", action="store_true", help="log lines in place of the live view")
    resume.add_argument("--json", action="store_true", help="print the final report as JSON only")
    sample = _of_run(commands, "sample", "let the best model write")
    sample.add_argument("--prompt", default="", help="what it goes on from")
    sample.add_argument("--num", type=whole, default=1, help="samples")
    sample.add_argument("--tokens", type=whole, default=128, help="most new tokens")
    sample.add_argument("--temperature", type=number, default=0.8)
    sample.add_argument("--seed", type=whole, default=0)
    _add_battery(commands)
    chat = _of_run(commands, "chat", "talk with the best model, line by line")
    chat.add_argument("--tokens", type=whole, default=128, help="most new tokens of an answer")
    chat.add_argument("--temperature", type=number, default=0.7)
    chat.add_argument("--seed", type=whole, default=0)
    report = _of_run(commands, "report", "the story of a finished run")
    report.add_argument("--json", action="store_true")
    verify = _of_run(commands, "verify", "check what a run has on disk against what it claims")
    verify.add_argument("--replay", action="store_true", help="decide everything again")
    verify.add_argument("--json", action="store_true")
    _add_fork(commands)
    export = _of_run(commands, "export", "the model as standalone files")
    export.add_argument("--to", type=Path, required=True, metavar="DIR")
    export.add_argument("--format", choices=("torch",), default="torch")


def _add_battery(commands: "Commands[OneLineParser]") -> None:
    battery = _of_run(commands, "battery", "let the best model write, and score what it wrote")
    battery.add_argument(
        "--prompts", type=prompt_lines, default=[], metavar="FILE", help="ask these, one a line"
    )
    battery.add_argument(
        "--compare", type=Path, metavar="OTHER", help="a run whose model is asked the same"
    )
    battery.add_argument(
        "--quick", action="store_true", help="ask each prompt once, as a gate does"
    )
    battery.add_argument("--json", action="store_true")


def _add_fork(commands: "Commands[OneLineParser]") -> None:
    fork = _of_run(commands, "fork", "start a new run from a point of this one")
    fork.add_argument("--at", required=True, metavar="PHASE[:GEN]", help="where, e.g. cambrian:3")
    fork.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="K=V",
        help="a setting to change, e.g. optimizer.lr=0.003 or phases.oxidation.population=12",
    )
    fork.add_argument("--run-dir", type=Path, metavar="DIR", help="folder of the new run")
    fork.add_argument("--no-run", action="store_true", help="make the folder and leave it")
    fork.add_argument("--plain", action="store_true", help="log lines in place of the live view")
    fork.add_argument("--json", action="store_true", help="print the final report as JSON only")


def _of_run(commands: "Commands[OneLineParser]", name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder or state.json")
    return parser


def _add_tools(commands: "Commands[OneLineParser]") -> None:
    models = commands.add_parser("models", help="sizes and what they cost")
    models.add_argument("--json", action="store_true")
    demo = commands.add_parser("demo-data", help="write a synthetic corpus")
    demo.add_argument("--out", type=Path, default=Path("data/historic.txt"))
    demo.add_argument("--chars", type=whole, default=400_000)
    demo.add_argument("--seed", type=whole, default=0)
    doctor = commands.add_parser("doctor", help="can this machine do the work?")
    doctor.add_argument("--json", action="store_true")
    doctor.add_argument(
        "--kill-test",
        type=whole,
        nargs="?",
        const=5,
        metavar="N",
        help="kill a short run N times (5), resume it each time, and compare",
    )
