"""The flags of `symbio-auto train`: those of the main job that one model has, and its own."""

from pathlib import Path

from pydantic import JsonValue

from orchestrator.flag_values import number, whole
from orchestrator.flags import BY_MODEL, FLAGS, SWITCHES, Flag, FlagGroups, Switch

SHARED = (
    "--seed",
    "--run-dir",
    "--keep-gb",
    "--model",
    "--preset",
    "--recipe",
    "--backbone",
    "--dim",
    "--heads",
    "--layers",
    "--block",
    "--dropout",
    "--batch",
    "--lr",
    "--warmup",
    "--beta2",
    "--weight-decay",
    "--grad-clip",
    "--tokenizer",
    "--vocab",
    "--domain",
    "--engine",
    "--ray-address",
    "--workers",
    "--device",
    "--host-devices",
    "--dtype",
)


def threshold(text: str) -> JsonValue:
    """A positive number, or 0 for none.

    Raises:
        argparse.ArgumentTypeError: it is no number.
    """
    return number(text) or None


TRAIN_FLAGS = (
    *(flag for flag in FLAGS if flag.name in SHARED),
    Flag("--iters", "budget", whole, "optimizer steps"),
    Flag("--activation", "train.activation", str, "a name such as swiglu, or a formula"),
    Flag("--ffn-dim", "train.ffn_dim", whole, "inner width of the feed-forward", unset=BY_MODEL),
    Flag("--split", "data.split", str, "auto, document, block, contiguous:A,B,C"),
    Flag(
        "--spike-threshold",
        "optimizer.spike_threshold",
        threshold,
        "gradient norm above which a step is skipped",
        metavar="X",
        unset="0: none for its size",
    ),
    Flag(
        "--eval-interval",
        "train.eval_interval",
        whole,
        "steps between evaluations",
        unset="at most 200",
    ),
    Flag(
        "--sample-interval",
        "train.sample_interval",
        whole,
        "steps between samples, 0 for none",
        unset="at most 300",
    ),
    Flag(
        "--init-from",
        "train.init_from",
        str,
        "run, checkpoint or export to take weights from",
        metavar="PATH",
    ),
    Flag(
        "--challenge-interval",
        "train.challenge.interval",
        whole,
        "steps between windows in which other activations may take the model's place",
    ),
    Flag("--challenge-steps", "train.challenge.steps", whole, "steps of a whole window"),
)

TRAIN_SWITCHES = (
    *SWITCHES,
    Switch("--symbio", "train.symbio", "the original's preset, with every instrument on"),
    Switch(
        "--challenge-on-alarm",
        "train.challenge.on_alarm",
        "open such a window when a chart of --symbio alarms",
    ),
    Switch(
        "--adapt-to-throughput",
        "train.adapt_to_throughput",
        "let a fall in tokens per second change the batch; bits then depend on the clock",
    ),
)


def add_train_arguments(groups: FlagGroups) -> None:
    """What is no setting."""
    groups["--config"].add_argument(
        "--config", type=Path, metavar="FILE", help="settings in TOML, JSON or YAML"
    )
    groups["--symbio-config"].add_argument(
        "--symbio-config",
        type=Path,
        metavar="FILE",
        help="settings of the instruments in JSON, camelCase or snake_case; with --symbio",
    )


def add_train_views(groups: FlagGroups) -> None:
    """Going on, and what shows the run."""
    for flag, text in (
        ("--tensorboard", "event files in the run's folder, for tensorboard --logdir"),
        ("--trackio", "rows in Trackio's local store, for trackio show"),
        ("--wandb", "Weights & Biases: files beside the run; WANDB_MODE=online sends them"),
    ):
        groups[flag].add_argument(flag, action="store_true", help=text)
