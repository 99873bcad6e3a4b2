"""The main job's flags: a table from flag to setting."""

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from orchestrator.battery.prompt_file import prompt_lines
from orchestrator.settings import Settings, merge, nested


class Flag(NamedTuple):
    """One flag and the setting it gives a value to."""

    name: str
    path: str
    kind: Callable[[str], JsonValue]
    text: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None


def whole(text: str) -> int:
    """A whole number.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number; give one such as 2000"
        ) from None


def number(text: str) -> float:
    """A finite number.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number; give one such as 0.003")
    return value


def names(text: str) -> list[JsonValue]:
    """Names between commas; `none` is the empty list."""
    parts: list[JsonValue] = [part.strip() for part in text.split(",") if part.strip()]
    return [] if parts == ["none"] else parts


FLAGS = (
    Flag("--budget", "budget", whole, "optimizer steps, over all members and phases"),
    Flag("--seed", "seed", whole, "random seed"),
    Flag("--run-dir", "run_dir", str, "folder of the run"),
    Flag("--keep-gb", "keep_gb", number, "weights of older generations kept for fork, in GB"),
    Flag("--model", "model_size", str, "auto, tiny, small, medium, large, xl, original"),
    Flag("--preset", "preset", str, "default or original"),
    Flag("--recipe", "model.recipe", str, "modern or classic", ("modern", "classic")),
    Flag("--dim", "model.dim", whole, "width of the model"),
    Flag("--heads", "model.heads", whole, "attention heads"),
    Flag("--layers", "model.layers", whole, "blocks"),
    Flag("--block", "model.block", whole, "context length in tokens"),
    Flag("--dropout", "model.dropout", number, "dropout"),
    Flag("--batch", "optimizer.batch", whole, "windows in a batch"),
    Flag("--lr", "optimizer.lr", number, "peak learning rate"),
    Flag("--warmup", "optimizer.warmup", whole, "warm-up steps"),
    Flag("--beta2", "optimizer.beta2", number, "second moment decay of AdamW"),
    Flag("--weight-decay", "optimizer.weight_decay", number, "weight decay"),
    Flag("--grad-clip", "optimizer.grad_clip", number, "gradient norm to clip at"),
    Flag("--tokenizer", "data.tokenizer", str, "byte, char or bpe", ("byte", "char", "bpe")),
    Flag("--vocab", "data.vocab_size", whole, "size of the BPE vocabulary"),
    Flag("--domain", "data.domain", str, "chat or text; detected if not given", ("chat", "text")),
    Flag("--lineages", "evolution.lineages", whole, "islands of the population, 2 to 4"),
    Flag("--control", "control", names, "baselines with the same budget, e.g. gelu,silu; or none"),
    Flag("--eval-interval", "host.eval_interval", whole, "steps between evaluations of the host"),
    Flag(
        "--prompts",
        "battery.questions",
        prompt_lines,
        "what the battery asks, one prompt a line, in place of openings of held-out text",
        metavar="FILE",
    ),
    Flag("--engine", "engine.engine", str, "ray or inline", ("ray", "inline")),
    Flag("--ray-address", "engine.ray_address", str, "a running Ray cluster"),
    Flag("--workers", "engine.workers", whole, "members that train at the same time"),
    Flag("--device", "engine.device", str, "auto, cpu or cuda", ("auto", "cpu", "cuda")),
)


class Switch(NamedTuple):
    """A flag without a value: it turns a setting on."""

    name: str
    path: str
    text: str


SWITCHES = (
    Switch(
        "--deterministic",
        "engine.deterministic",
        "on CUDA: kernels that repeat bit for bit, some slower; the CPU's always do",
    ),
)


def add_flags(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    flags: Sequence[Flag] = FLAGS,
    switches: Sequence[Switch] = SWITCHES,
) -> None:
    """Add every flag; what is not given stays out of the namespace."""
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="text: files, folders or JSONL (default data/historic.txt)",
    )
    for flag in flags:
        parser.add_argument(
            flag.name,
            dest=flag.path,
            type=flag.kind,
            choices=flag.choices or None,
            default=argparse.SUPPRESS,
            metavar=None if flag.choices else flag.metavar or flag.name.removeprefix("--").upper(),
            help=flag.text,
        )

    for switch in switches:
        parser.add_argument(
            switch.name,
            dest=switch.path,
            action="store_true",
            default=argparse.SUPPRESS,
            help=switch.text,
        )


def settings_of(
    arguments: argparse.Namespace,
    flags: Sequence[Flag] = FLAGS,
    switches: Sequence[Switch] = SWITCHES,
) -> Settings:
    """The settings that were given as flags."""
    settings: Settings = {}
    given = vars(arguments)
    if "data" in given:
        settings = nested("data.paths", list(given["data"]))
    for path in (one.path for listed in (flags, switches) for one in listed):
        if path in given:
            settings = merge(settings, nested(path, given[path]))
    return settings
