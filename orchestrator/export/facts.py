"""What is said of an exported model: its shape, its loss and where they come from."""

from pathlib import Path

from orchestrator import ledger as books
from orchestrator.analysis.compare.pairing import Loss, loss_of
from orchestrator.opened_model import OpenedModel
from state.base import Record
from state.records import Evaluation, Genome, Split
from trainer.config import Domain, ModelConfig, TokenizerKind
from trainer.widths import num_parameters


class Reference(Record):
    """Something to compare with, on the same text."""

    name: str
    bits_per_byte: float


class Facts(Record):
    """Everything that the model card states; nothing of it depends on the day or the folder."""

    run_id: str
    seed: int
    steps: int
    """Of all members together, those of the search among them."""
    genome: Genome
    model: ModelConfig
    parameters: int
    tokenizer: TokenizerKind
    domain: Domain
    data_names: tuple[str, ...]
    """Of the files that it was trained on, without their folders."""
    data_bytes: int
    data_sha256: str
    split: Split
    """That the loss was measured on."""
    loss: Loss
    references: tuple[Reference, ...] = ()
    """Empty while the run is going on."""
    test_openings: int = 0
    checkpoint: str


def facts_of(opened: OpenedModel) -> Facts:
    """Of a run's best model; while the run goes on the search split stands in for the test."""
    saved, best, manifest = opened.saved, opened.best, opened.dataset.manifest
    measured = _measured(opened)
    return Facts(
        run_id=saved.run.run_id,
        seed=saved.config.seed,
        steps=books.spent(saved.run.ledger),
        genome=best.genome,
        model=saved.config.model,
        parameters=num_parameters(saved.config.model, best.genome),
        tokenizer=manifest.tokenizer,
        domain=manifest.domain,
        data_names=tuple(Path(path).name or path for path in saved.config.data.paths),
        data_bytes=manifest.num_bytes,
        data_sha256=manifest.sha256,
        split=measured.split,
        loss=loss_of(measured.blocks),
        references=_references(opened),
        test_openings=saved.run.test_openings,
        checkpoint=best.checkpoint,
    )


def _measured(opened: OpenedModel) -> Evaluation:
    final = opened.saved.run.final
    if final is None:
        return opened.best.evaluation
    return final.test or final.search


def _references(opened: OpenedModel) -> tuple[Reference, ...]:
    final = opened.saved.run.final
    if final is None:
        return ()
    return (
        *(Reference(name=f"control {name}", bits_per_byte=bits) for name, bits in final.controls),
        Reference(name="order-2 byte model", bits_per_byte=final.order2_bits_per_byte),
        Reference(name="untrained model", bits_per_byte=final.untrained.bits_per_byte),
    )
