"""`symbio-auto battery RUN`: try the run's best model, alone or against another run's."""

import argparse
import json
from collections.abc import Sequence

from inference_battery.intervals import shortfall
from inference_battery.questions import Question
from orchestrator.battery.on_run import reference_of, run_questions, sampling_of, try_model
from orchestrator.battery.view import Comparison, as_json, as_text
from orchestrator.commands.progress_shown import sinks_of
from orchestrator.opened_model import OpenedModel, open_model
from orchestrator.stages.battery_task import battery_seed
from state.progress import Reporter
from state.records import BatteryReport


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    progress = Reporter(*sinks_of(arguments))
    with progress.work("trying the model"):
        ours = open_model(arguments.run)
        theirs = open_model(arguments.compare) if arguments.compare else None
        asked = run_questions(
            ours.dataset, ours.setup, whole=not arguments.quick, prompts=arguments.prompts
        )
        report = _report(ours, asked, progress)
        comparison = _compared(ours, report, theirs, asked, progress) if theirs else None
    if arguments.json:
        print(json.dumps(as_json(report, comparison)))
    else:
        print(as_text(report, comparison))
    return 0


def _report(tried: OpenedModel, asked: Sequence[Question], progress: Reporter) -> BatteryReport:
    with tried.model() as model:
        report = try_model(
            model,
            tried.dataset,
            tried.setup,
            asked,
            seed=battery_seed(tried.saved.config),
            phase=tried.best.phase,
            generation=tried.best.generation,
            progress=progress,
        )
    beside = {"bits_per_byte": tried.best.evaluation.bits_per_byte, **report.beside}
    return report.model_copy(update={"beside": beside})


def _compared(
    ours: OpenedModel,
    report: BatteryReport,
    theirs: OpenedModel,
    asked: Sequence[Question],
    progress: Reporter,
) -> Comparison:
    """The other model, asked with this run's seed and settings and judged by its text."""
    from inference_battery.battery import judged, write_answers

    codec = theirs.dataset.tokenizer
    seed = battery_seed(ours.saved.config)
    sampling = sampling_of(codec, ours.setup.battery_tokens, seed, theirs.setup.device)
    with theirs.model() as model:
        written = write_answers(model, codec, asked, sampling, progress)
    other = judged(
        written,
        reference_of(ours.dataset),
        phase=theirs.best.phase,
        generation=theirs.best.generation,
        progress=progress,
    )
    our_data, their_data = ours.dataset.manifest, theirs.dataset.manifest
    return Comparison(
        run=str(theirs.folder.root),
        report=other,
        difference=shortfall(other, report),
        same_corpus=our_data.sha256 == their_data.sha256,
        same_tokenizer=our_data.tokenizer_sha256 == their_data.tokenizer_sha256,
    )
