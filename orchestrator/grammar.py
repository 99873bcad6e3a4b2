"""The grammar of the command line: every command and flag, without importing what they run."""

import argparse
from pathlib import Path
from typing import NoReturn

from orchestrator.analysis_grammar import add_analysis_commands
from orchestrator.battery.prompt_file import prompt_lines
from orchestrator.flag_values import number, whole
from orchestrator.flags import FlagGroups, add_flags, add_waivers
from orchestrator.gcp_grammar import add_gcp
from orchestrator.help_page import USAGE, add_examples, front_page
from orchestrator.one_line_parser import EXIT_USAGE, OneLineParser
from orchestrator.reporting_flags import (
    add_push,
    add_reporting,
    add_reporting_to,
    add_sample_interval,
)
from orchestrator.settings import merge
from orchestrator.train_flags import (
    TRAIN_FLAGS,
    TRAIN_SWITCHES,
    add_train_arguments,
    add_train_views,
)
from orchestrator.train_settings import DEFAULTS

__all__ = ["EXIT_USAGE", "SHELLS", "build_parser"]

SHELLS = ("bash", "zsh", "fish", "tcsh")

TRAIN_DESCRIPTION = """\
Train one model with one activation straight from its first step to its last.
The best checkpoint by the search split is handed over.
"""

PLAN_TRAIN_DESCRIPTION = """\
What symbio-auto train would take with the same flags. Nothing is left on disk.
"""

PLAN_DESCRIPTION = """\
What a run would do with its budget, and what it would take: steps, tokens,
memory, disk and time, measured by training the model here for some seconds.
Nothing is left on disk. Flags are those of the main job; `plan train` takes
those of train.
"""

COMPLETION_DESCRIPTION = """\
Print a script that lets a shell complete commands, flags, choices and files.

  bash   echo 'eval "$(symbio-auto completion bash)"' >> ~/.bashrc
  zsh    symbio-auto completion zsh > DIR/_symbio-auto    (DIR: one of $fpath)
  fish   symbio-auto completion fish > DIR/symbio-auto.fish
         (DIR: ~/.config/fish/completions)
  tcsh   symbio-auto completion tcsh > FILE, and in ~/.tcshrc: source FILE
"""

TRAIN_DEFAULTS = merge(DEFAULTS, {"run_dir": "runs/train"})
"""What `train` takes where nothing is said, to be shown."""

Commands = argparse._SubParsersAction


class Version(argparse.Action):
    """Prints the version, which is looked up only for it."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:  # noqa: A002, ARG002
        """As argparse's own, which wants to know the version beforehand."""
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it and leave."""
        from importlib.metadata import version

        print(f"symbio-auto {version('symbio-auto')}")
        parser.exit()


def build_parser() -> OneLineParser:
    """The whole grammar."""
    parser = OneLineParser(prog="symbio-auto", usage=USAGE)
    parser.add_argument("--version", action=Version, help="show program's version number and exit")
    parser._optionals.title = "flags, and in brackets what holds without them"
    _main_arguments(parser)
    commands = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        parser_class=OneLineParser,
        prog="symbio-auto",
        help=argparse.SUPPRESS,
    )
    _add_plan(commands)
    _add_train(commands)
    _add_run_commands(commands)
    add_analysis_commands(commands)
    add_push(commands)
    add_gcp(commands, TRAIN_DEFAULTS)
    _add_tools(commands)
    parser.description = front_page(commands)
    add_examples(parser)
    return parser


def _main_arguments(parser: OneLineParser) -> None:
    groups = FlagGroups(parser)
    add_flags(groups)
    _add_config(groups)
    _add_resume(groups)
    _add_view(groups)
    add_sample_interval(groups)
    add_reporting(groups)


def _add_config(groups: FlagGroups) -> None:
    groups["--config"].add_argument(
        "--config", type=Path, metavar="FILE", help="settings in TOML, JSON or YAML"
    )


def _add_resume(groups: FlagGroups) -> None:
    groups["--resume"].add_argument(
        "--resume", type=Path, metavar="RUN", help="go on from a run's folder or state.json"
    )


def _add_view(groups: FlagGroups) -> None:
    groups["--plain"].add_argument(
        "--plain", action="store_true", help="log lines in place of the live view"
    )
    groups["--json"].add_argument(
        "--json", action="store_true", help="print the final report as JSON only"
    )


def _add_plan(commands: "Commands[OneLineParser]") -> None:
    text = "what a run would do with its budget, and how long it would take"
    plan = commands.add_parser(
        "plan", help=text, description=PLAN_DESCRIPTION, usage="symbio-auto plan [train] [FLAGS]"
    )
    _add_plan_arguments(plan)
    groups = FlagGroups(plan)
    add_flags(groups)
    _add_config(groups)
    modes = plan.add_subparsers(
        dest="planned", metavar="[train]", parser_class=OneLineParser, prog="symbio-auto plan"
    )
    train = modes.add_parser(
        "train",
        help="of one model, without evolution",
        description=PLAN_TRAIN_DESCRIPTION,
        usage="symbio-auto plan train [FLAGS]",
    )
    _add_plan_arguments(train)
    inner = FlagGroups(train)
    add_flags(inner, TRAIN_FLAGS, TRAIN_SWITCHES, TRAIN_DEFAULTS)
    add_train_arguments(inner)


def _add_plan_arguments(plan: OneLineParser) -> None:
    plan.add_argument("--json", action="store_true", help="everything, for programs")
    plan.add_argument("--no-probe", action="store_true", help="train nothing, so estimate no time")
    plan.add_argument(
        "--price-per-hour", type=number, metavar="P", help="of the machine, to show what it costs"
    )


def _add_train(commands: "Commands[OneLineParser]") -> None:
    train = commands.add_parser(
        "train",
        help="one model, no evolution",
        description=TRAIN_DESCRIPTION,
        usage="symbio-auto train [FLAGS]",
    )
    groups = FlagGroups(train)
    add_flags(groups, TRAIN_FLAGS, TRAIN_SWITCHES, TRAIN_DEFAULTS)
    add_train_arguments(groups)
    _add_resume(groups)
    _add_view(groups)
    add_reporting(groups)
    add_train_views(groups)


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
    add_waivers(resume)
    add_reporting_to(resume)
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
    _add_export(commands)


def _add_export(commands: "Commands[OneLineParser]") -> None:
    export = _of_run(commands, "export", "the model as a folder for others")
    export.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="a new folder, or an earlier export (ckpt_BACKBONE_final, or ckpt_BACKBONE_stepN)",
    )
    export.add_argument(
        "--format",
        choices=("torch", "hf"),
        default="torch",
        help="torch: model.py runs by itself; hf: for transformers' from_pretrained",
    )


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
    add_reporting_to(fork)


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
    completion = commands.add_parser(
        "completion",
        help="a script that lets a shell complete what you type",
        description=COMPLETION_DESCRIPTION,
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    page = commands.add_parser("help", help="this page, or that of a command")
    page.add_argument("topic", nargs="?", choices=[*commands.choices], metavar="COMMAND")
