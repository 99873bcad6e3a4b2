"""`symbio-auto diagnose RUN`: what the best model does inside, measured on the search split."""

import argparse
import json

from orchestrator.analysis.diagnose.reach import REACH
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel, open_model
from trainer.widths import num_parameters

LARGE_PARAMETERS = 2_000_000


def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis, or the packing table alone.

    Raises:
        ValueError: it is no run, or what is asked for excludes itself.
    """
    if arguments.packing:
        return _packing(arguments)
    opened = open_model(arguments.run)
    from orchestrator.analysis.diagnose.examine import examine
    from orchestrator.analysis.diagnose.view import as_json, as_text

    reach = arguments.reach or REACH
    with opened.model(_threads(opened)) as model:
        taken = examine(opened, model, quick=arguments.quick, progress=Progress(), reach=reach)
    print(json.dumps(as_json(taken)) if arguments.json else as_text(taken))
    return 0


def _packing(arguments: argparse.Namespace) -> int:
    """The packing table alone; 1 where nothing could be measured."""
    if arguments.reach is not None:
        raise ValueError("--packing reads no text, which --reach is about; leave one of them out")
    opened = open_model(arguments.run)
    from orchestrator.analysis.diagnose.packing import members_anew
    from orchestrator.analysis.diagnose.packing_view import packing_table

    found = members_anew(opened, Progress(), quick=arguments.quick)
    if arguments.json:
        print(json.dumps(found.model_dump(mode="json")))
    else:
        print("\n".join(packing_table(found)))
    return 0 if found.rows else 1


def _threads(opened: OpenedModel) -> int:
    """A host's, where the model is large enough to gain by more than one."""
    config = opened.saved.config
    large = num_parameters(config.model, opened.best.genome) >= LARGE_PARAMETERS
    return config.engine.host_threads or 1 if large else 1
