"""`symbio-auto gcp train`: one model on a rented machine."""

import argparse
from typing import TYPE_CHECKING

from orchestrator.commands.gcp.job import Kind, see_to
from orchestrator.commands.gcp.place import told
from orchestrator.flags import settings_of
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config

if TYPE_CHECKING:
    from orchestrator.config import RunConfig


def run(arguments: argparse.Namespace) -> int:
    """Rent if needed, send, start, watch, fetch; returns the exit code."""
    files = ("config", "symbio_config")
    kind = Kind(("train",), "train", TRAIN_FLAGS, TRAIN_SWITCHES, files, _configured)
    return see_to(arguments, kind)


def _configured(arguments: argparse.Namespace) -> "RunConfig":
    config, warnings = build_train_config(
        settings_of(arguments, TRAIN_FLAGS, TRAIN_SWITCHES),
        config_file=arguments.config,
        symbio_file=arguments.symbio_config,
    )
    for warning in warnings:
        told(f"symbio-auto: warning: {warning}")
    return config
