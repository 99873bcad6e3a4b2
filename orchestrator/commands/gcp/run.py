"""`symbio-auto gcp run`: the six phases on a rented machine."""

import argparse
from typing import TYPE_CHECKING

from orchestrator.commands.gcp.job import Kind, see_to
from orchestrator.flags import FLAGS, SWITCHES, settings_of
from orchestrator.settings import build_config

if TYPE_CHECKING:
    from orchestrator.config import RunConfig


def run(arguments: argparse.Namespace) -> int:
    """Rent if needed, send, start, watch, fetch; returns the exit code."""
    kind = Kind((), "symbio-auto", FLAGS, SWITCHES, ("config",), _configured)
    return see_to(arguments, kind)


def _configured(arguments: argparse.Namespace) -> "RunConfig":
    return build_config(settings_of(arguments), config_file=arguments.config)
