"""`symbio-auto diagnose RUN`: what the best model does inside, measured on the search split."""

import argparse
import json

from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel, open_model
from trainer.widths import num_parameters

LARGE_PARAMETERS = 2_000_000


def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis."""
    opened = open_model(arguments.run)
    from orchestrator.analysis.diagnose.examine import examine
    from orchestrator.analysis.diagnose.view import as_json, as_text

    with opened.model(_threads(opened)) as model:
        taken = examine(opened, model, quick=arguments.quick, progress=Progress())
    print(json.dumps(as_json(taken)) if arguments.json else as_text(taken))
    return 0


def _threads(opened: OpenedModel) -> int:
    """A host's, where the model is large enough to gain by more than one."""
    config = opened.saved.config
    large = num_parameters(config.model, opened.best.genome) >= LARGE_PARAMETERS
    return config.engine.host_threads or 1 if large else 1
