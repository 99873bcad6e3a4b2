"""`symbio-auto gates RUN`: every validation gate of the run's best model."""

import argparse
import json

from orchestrator.commands.kept import not_kept
from orchestrator.opened_model import open_model
from orchestrator.validation.limits import limits_of
from orchestrator.validation_config import ValidationConfig

EXIT_STOPPED = 3


def run(arguments: argparse.Namespace) -> int:
    """Measure, judge, print and keep in the run's folder; 3 where the model is stopped."""
    config = asked_of(arguments)
    opened = open_model(arguments.run)
    from orchestrator.analysis.gates.examine import gates_of
    from orchestrator.analysis.gates.history import reference_from
    from orchestrator.analysis.gates.view import as_json, as_text
    from orchestrator.validation.hold import holding
    from state.durable import write_atomically

    reference = None
    if arguments.reference is not None:
        reference = reference_from(arguments.reference, opened.saved, opened.folder)
    verdicts = gates_of(opened, limits_of(config.limits), reference)
    name = str(opened.folder.root)
    document = json.dumps(as_json(name, verdicts, config), indent=2)
    print(document if arguments.json else as_text(name, verdicts, config))
    try:
        write_atomically(opened.folder.gates, document.encode())
    except OSError as error:
        not_kept(opened.folder.gates.name, error)
    return EXIT_STOPPED if holding(verdicts, config) else 0


def asked_of(arguments: argparse.Namespace) -> ValidationConfig:
    """The limits, and what a failure means.

    Raises:
        ValueError: a gate to waive is none.
    """
    from pydantic import ValidationError

    from orchestrator.settings import one_line

    try:
        return ValidationConfig(
            limits=arguments.preset,
            strict=arguments.strict_gates,
            waive=tuple(getattr(arguments, "waive", ())),
        )
    except ValidationError as error:
        raise ValueError(one_line(error)) from None
