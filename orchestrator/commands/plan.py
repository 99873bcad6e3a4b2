"""`symbio-auto plan`: what a run would do with its budget and what it would take."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from orchestrator.config import RunConfig
from orchestrator.flags import settings_of
from orchestrator.origin import find_origin
from orchestrator.planning.plan import Plan, plan_of, slots_of
from orchestrator.planning.text import prepare_text
from orchestrator.planning.view import as_text
from orchestrator.resolve import corpus_bytes, resolve_data, resolve_shape
from orchestrator.settings import build_config
from orchestrator.train_flags import TRAIN_FLAGS, TRAIN_SWITCHES
from orchestrator.train_settings import build_train_config
from state.genome import parse
from state.run_folder import RunFolder

PREFIX = "symbio-plan-"


def run(arguments: argparse.Namespace) -> int:
    """Print the plan. Nothing is left on disk."""
    if arguments.price_per_hour is not None and arguments.price_per_hour < 0:
        raise ValueError(f"--price-per-hour {arguments.price_per_hour:g} is below 0; give a price")
    config = asked_config(arguments)
    plan = make_plan(config, probes=not arguments.no_probe, price=arguments.price_per_hour)
    print(plan.model_dump_json() if arguments.json else as_text(plan))
    return 0


def asked_config(arguments: argparse.Namespace) -> RunConfig:
    """The configuration of the run that is planned."""
    if arguments.planned != "train":
        return build_config(settings_of(arguments), config_file=arguments.config)
    config, warnings = build_train_config(
        settings_of(arguments, TRAIN_FLAGS, TRAIN_SWITCHES),
        config_file=arguments.config,
        symbio_file=arguments.symbio_config,
    )
    for warning in warnings:
        print(f"symbio-auto: warning: {warning}", file=sys.stderr)
    return config


def make_plan(config: RunConfig, *, probes: bool, price: float | None = None) -> Plan:
    """Prepare the text in a folder that goes away, and train on it for a moment if `probes`.

    Raises:
        ValueError: what a run would refuse too.
    """
    begun = time.monotonic()
    num_bytes = corpus_bytes(config.data.paths)
    shape = resolve_shape(config, num_bytes)
    origin = find_origin(Path(config.train.init_from)) if config.train.init_from else None
    with _temporary_folder() as folder, _told("reading the text", probes=probes):
        text = prepare_text(
            shape.config.data,
            folder.root,
            shape.config.model.block,
            num_bytes,
            origin.tokenizer if origin else None,
        )
        resolved = resolve_data(shape.config, text.manifest)
        rates = None
        if probes:
            from orchestrator.planning.probe import measure

            rates = measure(
                resolved,
                folder,
                slots=slots_of(resolved),
                formula=parse(resolved.first_formula).formula,
                begun=begun,
            )
    return plan_of(
        resolved,
        text.size,
        rates,
        num_bytes=num_bytes,
        is_estimate=text.is_estimate,
        cores=os.cpu_count() or 1,
        price_per_hour=price,
        notes=shape.notes,
    )


@contextmanager
def _temporary_folder() -> Iterator[RunFolder]:
    """A folder for the dataset, which goes away also on Ctrl-C and on a request to end."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with TemporaryDirectory(prefix=PREFIX) as path:
            folder = RunFolder(Path(path))
            folder.objects.mkdir()
            yield folder
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _told(what: str, *, probes: bool) -> Iterator[None]:
    """A line on the terminal while it takes some seconds, gone afterwards."""
    shown = sys.stderr.isatty()
    line = f"{what}, training on it for 3 s ..." if probes else f"{what} ..."
    if shown:
        print(line, end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print(" " * len(line), end="\r", file=sys.stderr, flush=True)
