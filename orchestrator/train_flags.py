"""The flags of `symbio-auto train`: those of the main job that one model has, and its own."""

import argparse
from pathlib import Path

from pydantic import JsonValue

from orchestrator.flags import FLAGS, SWITCHES, Flag, Switch, number, whole

SHARED = (
    "--seed",
    "--run-dir",
    "--keep-gb",
    "--model",
    "--preset",
    "--recipe",
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
)


def threshold(text: str) -> JsonValue:
    """A positive number, or 0 for none.

    Raises:
        argparse.ArgumentTypeError: it is no number.
    """
    return number(text) or None


TRAIN_FLAGS = (
    *(flag for flag in FLAGS if flag.name in SHARED),
    Flag("--iters", "budget", whole, "optimizer steps (default 2000)"),
    Flag("--activation", "train.activation", str, "gelu, silu, relu, swiglu or a formula"),
    Flag("--ffn-dim", "train.ffn_dim", whole, "inner width of the feed-forward, gated or not"),
    Flag("--split", "data.split", str, "document, block or contiguous:A,B,C (shares of the text)"),
    Flag(
        "--spike-threshold",
        "optimizer.spike_threshold",
        threshold,
        "gradient norm above which a step is skipped; 0 skips none for its size",
    ),
    Flag("--eval-interval", "train.eval_interval", whole, "steps between evaluations"),
    Flag("--sample-interval", "train.sample_interval", whole, "steps between samples; 0 for none"),
    Flag("--init-from", "train.init_from", str, "run, checkpoint or export to take weights from"),
    Flag(
        "--challenge-interval",
        "train.challenge.interval",
        whole,
        "steps between windows in which other activations may take the model's place",
    ),
    Flag("--challenge-steps", "train.challenge.steps", whole, "steps of a whole window"),
    Flag("--dtype", "engine.dtype", str, "float32 or bfloat16", ("float32", "bfloat16")),
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


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """What is no setting."""
    parser.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on from a run's folder or state.json"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML, JSON, YAML")
    parser.add_argument(
        "--symbio-config",
        type=Path,
        metavar="FILE",
        help="settings of the instruments in JSON, camelCase or snake_case; with --symbio",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="event files in the run's folder, for tensorboard --logdir",
    )
    parser.add_argument(
        "--trackio", action="store_true", help="rows in Trackio's local store, for trackio show"
    )
    parser.add_argument(
        "--wandb",
        action="store_true",
        help="Weights & Biases: files beside the run's folder; WANDB_MODE=online sends them",
    )
    parser.add_argument("--plain", action="store_true", help="log lines in place of the live view")
    parser.add_argument("--json", action="store_true", help="print the final report as JSON only")
