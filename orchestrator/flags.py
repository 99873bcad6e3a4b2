"""The main job's flags: a table from flag to setting."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from orchestrator.battery.prompt_file import prompt_lines
from orchestrator.config import RunConfig
from orchestrator.flag_values import names, number, whole, whole_or_auto
from orchestrator.settings import Settings, merge, nested
from orchestrator.sizing import SIZES

BY_MODEL = "as --model"


class Flag(NamedTuple):
    """One flag and the setting it gives a value to."""

    name: str
    path: str
    kind: Callable[[str], JsonValue]
    text: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    unset: str = ""
    """What holds without it, where that is no single value."""


FLAGS = (
    Flag("--tokenizer", "data.tokenizer", str, "what a token is", ("byte", "char", "bpe")),
    Flag("--vocab", "data.vocab_size", whole, "tokens of bpe", unset="by the text's length"),
    Flag("--domain", "data.domain", str, "how it is read", ("chat", "text"), unset="detected"),
    Flag("--budget", "budget", whole, "optimizer steps, over all members and phases"),
    Flag("--lineages", "evolution.lineages", whole, "islands of the population, 2 to 4"),
    Flag("--control", "control", names, "baselines of as many steps, e.g. gelu,silu; or none"),
    Flag("--model", "model_size", str, f"its size: {', '.join(['auto', *SIZES])}"),
    Flag("--preset", "preset", str, "or original, for the settings of that system"),
    Flag("--recipe", "model.recipe", str, "how it is built and optimized", ("modern", "classic")),
    Flag("--backbone", "model.backbone", str, "what mixes positions; symbio-auto models lists all"),
    Flag("--dim", "model.dim", whole, "width", unset=BY_MODEL),
    Flag("--heads", "model.heads", whole, "attention heads", unset=BY_MODEL),
    Flag("--layers", "model.layers", whole, "blocks", unset=BY_MODEL),
    Flag("--block", "model.block", whole, "context length in tokens", unset=BY_MODEL),
    Flag("--dropout", "model.dropout", number, "dropout", unset="0.1 from 20 passes on"),
    Flag("--batch", "optimizer.batch", whole, "windows in a batch", unset=BY_MODEL),
    Flag("--lr", "optimizer.lr", number, "peak learning rate of AdamW; Muon's follows"),
    Flag(
        "--warmup",
        "optimizer.warmup",
        whole,
        "warm-up steps",
        unset="5 %, at most 500",
    ),
    Flag("--beta2", "optimizer.beta2", number, "second moment decay of AdamW"),
    Flag("--weight-decay", "optimizer.weight_decay", number, "weight decay"),
    Flag("--grad-clip", "optimizer.grad_clip", number, "gradient norm to clip at"),
    Flag("--eval-interval", "host.eval_interval", whole, "most steps between two looks at a host"),
    Flag(
        "--prompts",
        "battery.questions",
        prompt_lines,
        "prompts of the battery, one a line",
        metavar="FILE",
        unset="held-out text",
    ),
    Flag("--engine", "engine.engine", str, "a process a worker, or one in all", ("ray", "inline")),
    Flag("--workers", "engine.workers", whole, "members trained at once", unset="physical cores"),
    Flag(
        "--ray-address", "engine.ray_address", str, "a Ray cluster that runs", metavar="HOST:PORT"
    ),
    Flag("--device", "engine.device", str, "where to compute", ("auto", "cpu", "cuda")),
    Flag("--host-devices", "engine.host_devices", whole_or_auto, "devices that share a host"),
    Flag("--stack", "engine.stack", whole, "members trained as one", unset="16 on CUDA, else 0"),
    Flag("--dtype", "engine.dtype", str, "of the products", ("auto", "float32", "bfloat16")),
    Flag("--seed", "seed", whole, "random seed; the same one gives the same bits"),
    Flag("--run-dir", "run_dir", str, "folder of the run", metavar="DIR"),
    Flag("--keep-gb", "keep_gb", number, "of older weights that stay, for fork"),
)


class Switch(NamedTuple):
    """A flag without a value: it turns a setting on."""

    name: str
    path: str
    text: str


SWITCHES = (
    Switch("--strict-gates", "validation.strict", "stop where any validation gate fails"),
    Switch("--stateful", "model.stateful", "hand the states of a recurrent backbone on"),
    Switch("--cuda-graphs", "engine.cuda_graphs", "on CUDA, record a stack's step and replay it"),
    Switch(
        "--deterministic",
        "engine.deterministic",
        "on CUDA, kernels that repeat bit for bit; the CPU's always do",
    ),
)


GROUPS: Mapping[str, tuple[str, ...]] = {
    "what to train on": ("--data", "--tokenizer", "--vocab", "--domain", "--split"),
    "the budget": ("--budget", "--iters", "--lineages", "--control"),
    "the model": (
        *("--model", "--preset", "--recipe", "--backbone", "--activation", "--ffn-dim", "--dim"),
        *("--heads", "--layers", "--block", "--dropout", "--stateful", "--init-from"),
    ),
    "the optimizer": (
        *("--batch", "--lr", "--warmup", "--beta2", "--weight-decay", "--grad-clip"),
        "--spike-threshold",
    ),
    "instruments and challengers": (
        *("--symbio", "--symbio-config", "--adapt-to-throughput", "--challenge-interval"),
        *("--challenge-steps", "--challenge-on-alarm"),
    ),
    "what is measured": ("--eval-interval", "--sample-interval", "--prompts"),
    "the validation gates": ("--strict-gates", "--waive"),
    "the engine": (
        *("--engine", "--workers", "--ray-address", "--device", "--backend", "--stack"),
        *("--host-devices", "--dtype", "--cuda-graphs", "--deterministic", "--seed"),
    ),
    "the run and what is shown": (
        *("--run-dir", "--keep-gb", "--config", "--resume", "--plain", "--json"),
        *("--notify", "--no-notify", "--no-remote", "--upload-checkpoint"),
        *("--tensorboard", "--trackio", "--wandb"),
    ),
}
"""How `--help` groups the flags of the main job and of `train`."""


class FlagGroups:
    """Argument groups of one parser by flag; a flag that has none stands with the first options."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        """The groups are made in their order; those without a flag show nothing."""
        groups = {title: parser.add_argument_group(title) for title in GROUPS}
        self._of = {flag: groups[title] for title, flags in GROUPS.items() for flag in flags}
        self._parser = parser

    def __getitem__(self, flag: str) -> argparse._ActionsContainer:
        return self._of.get(flag, self._parser)


def add_flags(
    groups: FlagGroups,
    flags: Sequence[Flag] = FLAGS,
    switches: Sequence[Switch] = SWITCHES,
    defaults: Settings | None = None,
) -> None:
    """Add every flag; what is not given stays out of the namespace.

    The help shows what holds without it: from the `defaults` of a command, else everybody's.
    """
    groups["--data"].add_argument(
        "--data",
        nargs="+",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="text: files, folders or JSONL (data/historic.txt)",
    )
    for flag in sorted(flags, key=lambda one: _ORDER.index(one.name)):
        groups[flag.name].add_argument(
            flag.name,
            dest=flag.path,
            type=flag.kind,
            choices=flag.choices or None,
            default=argparse.SUPPRESS,
            metavar=None if flag.choices else flag.metavar or METAVARS.get(flag.kind, "NAME"),
            help=(flag.text + _shown_default(flag, defaults or {})).replace("%", "%%"),
        )
        if flag.name == "--device":
            _add_backend(groups, flag)
    add_waivers(groups["--waive"])
    for switch in switches:
        groups[switch.name].add_argument(
            switch.name,
            dest=switch.path,
            action="store_true",
            default=argparse.SUPPRESS,
            help=switch.text,
        )


def _add_backend(groups: FlagGroups, device: Flag) -> None:
    """The original's flag for the device, whose own backend was called helios."""
    groups["--backend"].add_argument(
        "--backend",
        dest=device.path,
        type=lambda name: "auto" if name == "helios" else name,
        choices=device.choices,
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="the original's name of --device; helios is auto",
    )


def add_waivers(parser: argparse._ActionsContainer) -> None:
    """The flag that lets a run go on where a gate has failed."""
    parser.add_argument(
        "--waive",
        action="append",
        metavar="GATE",
        default=argparse.SUPPRESS,
        help="let this gate fail and go on, e.g. G4; may be repeated",
    )


def given_waivers(given: Settings) -> list[str]:
    """The gates to waive, taken out of what was given; a table with anything else stays."""
    table = given.get("validation")
    names = table.get("waive") if isinstance(table, dict) and len(table) == 1 else None
    if not isinstance(names, list):
        return []
    del given["validation"]
    return [str(name) for name in names]


METAVARS: Mapping[object, str] = {whole: "N", whole_or_auto: "N", number: "X", names: "LIST"}
_ORDER = [flag for flags in GROUPS.values() for flag in flags]


def _shown_default(flag: Flag, own: Settings) -> str:
    """What holds without the flag, in brackets: the command's own value, else everybody's."""
    value = _value_at(flag.path, own)
    if value is None:
        value = flag.unset or _value_at(flag.path, RunConfig().model_dump(mode="json"))
    match value:
        case None | []:
            return ""
        case int():
            return f" ({value:,})"
        case float():
            return f" ({value:g})"
        case _:
            return f" ({value})"


def _value_at(path: str, settings: JsonValue) -> JsonValue:
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


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
    if "waive" in given:
        settings = merge(settings, nested("validation.waive", list(given["waive"])))
    for path in (one.path for listed in (flags, switches) for one in listed):
        if path in given:
            settings = merge(settings, nested(path, given[path]))
    return settings
