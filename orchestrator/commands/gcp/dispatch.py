"""`symbio-auto gcp VERB`: each verb's module, loaded when it is asked for."""

import argparse
from collections.abc import Callable
from importlib import import_module

Runner = Callable[[argparse.Namespace], int]


def run(arguments: argparse.Namespace) -> int:
    """Do what the verb says; returns the exit code."""
    module = import_module(f"orchestrator.commands.gcp.{arguments.verb}")
    runner: Runner = module.run
    return runner(arguments)
