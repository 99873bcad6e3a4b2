"""`symbio-auto compare RUN RUN ...`: runs side by side, and which is shown to be better."""

import argparse
import json

from orchestrator.analysis.compare.facts import load_facts
from orchestrator.analysis.compare.verdict import NOT_MEASURED, judge
from orchestrator.analysis.compare.view import as_json, as_text
from orchestrator.analysis.progress import Progress


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    runs = load_facts(arguments.runs)
    verdict, again = judge(runs), None
    if arguments.measure:
        from orchestrator.analysis.compare.measure import measured

        found = measured(runs, Progress())
        again = NOT_MEASURED if found is None else judge(runs, found)
    if arguments.json:
        print(json.dumps(as_json(runs, verdict, again)))
    else:
        print(as_text(runs, verdict, again, everything=arguments.all))
    return 0
