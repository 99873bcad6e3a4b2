"""Taking every measurement of a run's best model, in the order in which it is shown."""

from typing import TYPE_CHECKING

from orchestrator.analysis.diagnose.asking import needle, states
from orchestrator.analysis.diagnose.estimates import by_kind, by_position, calibration, overall
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.findings import findings_of
from orchestrator.analysis.diagnose.inside import matrices, read_inside
from orchestrator.analysis.diagnose.packing import members_near
from orchestrator.analysis.diagnose.reach import REACH
from orchestrator.analysis.diagnose.reading import (
    context_points,
    influence_points,
    kinds_of,
    long_range,
    read_context,
    read_text,
    surprises,
)
from orchestrator.analysis.diagnose.record import Diagnosis, Subject
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import OpenedModel

if TYPE_CHECKING:
    from trainer.backbones.gpt import GPT


def examine(
    opened: OpenedModel, model: "GPT", *, quick: bool, progress: Progress, reach: int = REACH
) -> Diagnosis:
    """Everything, findings included."""
    now = Examination(opened, model, quick, progress, reach)
    search, train = read_text(now, "search"), read_text(now, "train")
    inside, contexts = read_inside(now), read_context(now)
    taken = Diagnosis(
        subject=_subject(now),
        quick=quick,
        overall=overall(search, train),
        context=context_points(now, contexts),
        long_range=long_range(now, contexts),
        positions=by_position(search, now.block),
        calibration=calibration(search),
        kinds=by_kind(search, kinds_of(now, search)),
        surprises=surprises(now, search),
        influence=influence_points(now),
        needle=needle(now),
        states=states(now),
        layers=inside.layers,
        layer_tokens=inside.tokens,
        stream_end=inside.stream_end,
        components=inside.components,
        weights=matrices(now),
        memory=members_near(opened, progress, quick=quick),
    )
    progress.clear()
    return taken.model_copy(update={"findings": findings_of(taken)})


def _subject(now: Examination) -> Subject:
    model, setup, manifest = now.model, now.opened.setup, now.opened.dataset.manifest
    return Subject(
        run=str(now.opened.folder.root),
        formula=model.genome.formula,
        parameters=sum(one.numel() for one in model.parameters()),
        backbone=model.config.backbone,
        stateful=model.config.stateful,
        layers=model.config.layers,
        heads=model.config.heads,
        block=model.config.block,
        batch=setup.optimizer.batch,
        tokenizer=f"{manifest.tokenizer} {manifest.vocab_size:,}",
        dtype=setup.dtype,
        device=setup.device,
    )
