"""`symbio-auto export RUN [--to DIR]`: the model as files that need nothing of ours."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.commands.progress_shown import sinks_of
from orchestrator.error_line import error_line
from orchestrator.export.target import replacing, require_replaceable, write_files
from orchestrator.opened_model import OpenedModel, open_model
from state.objects import ObjectStore
from state.progress import Reporter
from state.records import Genome

if TYPE_CHECKING:
    from orchestrator.export.card import Format
    from trainer.export import Source


class Contents(NamedTuple):
    """What goes into the folder, `export.json` aside."""

    files: dict[str, bytes]
    model_class: str


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, read it back, and say how far it is from the run's own model."""
    if arguments.to is not None:
        require_replaceable(arguments.to)
    with Reporter(*sinks_of(arguments)).work("exporting the model"):
        opened = open_model(arguments.run)
        target = arguments.to or _named(opened)
        found = _contents(opened, arguments.format)
        facts = {"made_by": "symbio-auto", "format": arguments.format}
        with replacing(target) as folder:
            write_files(folder, found.files, {**facts, "checkpoint": opened.best.checkpoint})
            checks = _checks(opened, folder, arguments.format)
    size = sum(map(len, found.files.values())) / 1e6
    print(
        f"{opened.best.genome.formula} exported to {target} as {found.model_class}: "
        f"{len(found.files) + 1} files, {size:,.1f} MB"
    )
    print("\n".join(checks))
    return 0


def _named(opened: OpenedModel) -> Path:
    """A folder here that has the name of the model."""
    from orchestrator.export.naming import folder_name

    target = Path(folder_name(opened.saved, opened.best))
    require_replaceable(target)
    return target


def _contents(opened: OpenedModel, form: "Format") -> Contents:
    from orchestrator.export.card import card
    from orchestrator.export.facts import facts_of
    from orchestrator.export.formula_files import formula_files
    from trainer.export import read_source

    objects, data = ObjectStore(opened.folder.objects), opened.folder.data
    source = read_source(objects, opened.best.checkpoint, data / "tokenizer.json")
    files, model_class = _model_files(source, form)
    genome = opened.best.genome
    pictures = _drawn(genome)
    text = card(facts_of(opened), form, model_class, drawn=bool(pictures))
    files |= {**formula_files(genome, source.coefficients()), **pictures}
    return Contents({**files, "README.md": text.encode()}, model_class)


def _model_files(source: "Source", form: "Format") -> tuple[dict[str, bytes], str]:
    """What loads, and the class that loads it."""
    from trainer.export import huggingface_class, huggingface_files, torch_files

    if form == "torch":
        return torch_files(source), "model.py"
    return huggingface_files(source), huggingface_class(source)


def _drawn(genome: Genome) -> dict[str, bytes]:
    """The pictures; a drawing that fails costs a line and not the export."""
    from orchestrator.export.formula_files import drawings

    try:
        return drawings(genome)
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        print(
            f"symbio-auto: no picture of the activation: {error_line(str(error))}", file=sys.stderr
        )
        return {}


def _checks(opened: OpenedModel, folder: Path, form: "Format") -> list[str]:
    """What the written folder gave, in words.

    Raises:
        RuntimeError: another model or tokenizer than the run's.
    """
    from orchestrator.export.checked import Sample, check_folder, said

    sample = Sample(opened)
    lines = [said(check_folder(folder, sample))]
    if form == "hf":
        from orchestrator.export.with_transformers import check_with_transformers

        asked, found = check_with_transformers(folder, sample)
        lines.append(asked if found is None else f"{asked} loads it: {said(found)}")
    return lines
