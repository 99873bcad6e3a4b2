"""What a run has on record of its models: rows as stretches, and losses by age."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from orchestrator.commits import Saved, restore
from orchestrator.validation.judge_course import first_steps, last_norm, weighed
from orchestrator.validation.judge_loss import Curve
from state.commit import load_commit
from state.genome import parse
from state.metrics_reader import MetricsReader
from state.records import MemberRecord
from state.run_folder import RunFolder
from state.validation import Balance, Stretch
from trainer.manifest import read_manifest
from trainer.validation.course import course_of

GELU = "gelu"


class Reference(NamedTuple):
    """A gpt run on gelu."""

    curve: Curve
    """(steps, bits per byte on the search split)."""
    grad_norm: float | None = None
    """Before clipping, in the steps with which G3 ends; None where only the losses are known."""


class History:
    """The rows of one run. Close it."""

    def __init__(self, folder: RunFolder, saved: Saved) -> None:
        """Raises ValueError where the store is missing or damaged."""
        self.saved = saved
        self._reader = MetricsReader.at(folder.metrics_db)
        self._members = self._reader.members(saved.run.run_id)

    def close(self) -> None:
        """Close the store."""
        self._reader.close()

    def first_course(self) -> tuple[Stretch, ...]:
        """The first model in Abiogenesis, or the model of `train`; at most 1,000 steps."""
        found: list[Stretch] = []
        for one in self._first_members():
            found += self._course(one)
        return first_steps(found)

    def balance(self, lineage: int) -> Balance:
        """The ratios of gradient norms over the life of a lineage, as host too."""
        tally = Balance(lineage=lineage)
        for one in self._members:
            if one.role in {"champion", "host"} and one.lineage == lineage:
                tally = weighed(tally, self._course(one))
        return tally

    def curve(self, lineage: int) -> Curve:
        """Of a lineage, as host too."""
        return self._curve(
            one
            for one in self._members
            if one.role in {"champion", "host"} and one.lineage == lineage
        )

    def control(self) -> Reference | None:
        """The control arm on gelu, where the run is one of gpt and has one."""
        if self.saved.config.model.backbone != "gpt":
            return None
        gelu = parse(GELU)
        arms = [one for one in self._members if one.role == "control" and one.genome == gelu]
        return Reference(self._curve(arms)) if arms else None

    def as_reference(self) -> Reference:
        """What another run is held against."""
        return Reference(self._curve(self._first_members()), last_norm(self.first_course()))

    def _first_members(self) -> list[MemberRecord]:
        alone = self.saved.config.mode == "train"
        phase, role = ("training", "host") if alone else ("abiogenesis", "champion")
        return [one for one in self._members if (one.phase, one.role) == (phase, role)]

    def _course(self, member: MemberRecord) -> tuple[Stretch, ...]:
        rows = self._reader.steps(self.saved.run.run_id, member.member_id)
        return course_of(rows, self.saved.config.model.backbone)

    def _curve(self, members: Iterable[MemberRecord]) -> Curve:
        """By age; what was trained twice counts as it was trained last."""
        found: dict[int, float] = {}
        for one in members:
            rows = self._reader.steps(self.saved.run.run_id, one.member_id)
            if rows and one.bits_per_byte is not None:
                found[rows[-1].step] = one.bits_per_byte
        return tuple(sorted(found.items()))


def reference_from(path: Path, subject: Saved, subject_folder: RunFolder) -> Reference:
    """The curve of another run, to which this one is comparable.

    Raises:
        ValueError: it is no gpt run on gelu, or of another text, tokenizer, batch or block.
    """
    folder = RunFolder.from_argument(path)
    saved = restore(load_commit(folder).record)
    _require_comparable(path, saved, subject)
    ours, theirs = read_manifest(subject_folder.data), read_manifest(folder.data)
    if (ours.sha256, ours.tokenizer, ours.vocab_size) != (
        theirs.sha256,
        theirs.tokenizer,
        theirs.vocab_size,
    ):
        raise ValueError(
            f"--reference {path} was trained on another text or tokenizer, and losses compare on "
            "the same only; give a run on the same --data and --tokenizer"
        )
    with closing(History(folder, saved)) as history:
        return history.as_reference()


def _require_comparable(path: Path, saved: Saved, subject: Saved) -> None:
    config = saved.config
    formula = config.first_formula
    if config.model.backbone != "gpt" or parse(formula) != parse(GELU):
        raise ValueError(
            f"--reference {path} is a run of {config.model.backbone} on {formula}, and a "
            "reference is one of gpt on gelu; give such a run"
        )
    sizes = [(one.optimizer.batch, one.model.block) for one in (config, subject.config)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"--reference {path} trained on {sizes[0][0]} windows of {sizes[0][1]} tokens a step, "
            f"this run on {sizes[1][0]} of {sizes[1][1]}; steps compare where both are equal"
        )
