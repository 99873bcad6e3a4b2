"""The run as a story: a chapter a phase, from what it began with to what its gate said."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import JsonValue

from orchestrator.phases import purpose
from orchestrator.report.escape import inline
from orchestrator.report.final_report import EnsembleSummary, PhaseSummary, SlownessSummary
from orchestrator.report.headline import SAME_BPB
from orchestrator.report.incidents import Incident, incidents
from orchestrator.report.quantities import bpb
from orchestrator.report.verdict import verdict
from orchestrator.report.wording import counted, generations, sentence, why_not_taught
from state.records import MemberRecord, Synchrony

MAX_LINES = 9
"""Incidents a phase; title, opening and end come on top."""


class Told(Protocol):
    """What a story is made of: a final report, or what is known of a run that goes on."""

    @property
    def phases(self) -> Sequence[PhaseSummary]: ...

    @property
    def members(self) -> Sequence[MemberRecord]: ...

    @property
    def synchrony(self) -> Sequence[Synchrony]: ...

    @property
    def slowness(self) -> SlownessSummary: ...

    @property
    def ensemble(self) -> EnsembleSummary | None: ...


def story(report: Told) -> str:
    """Every chapter; a pure function of the record, what is foreign in it escaped."""
    chapters = [_chapter(report, number) for number in range(len(report.phases))]
    return "\n\n".join(chapters) or "No phase has ended."


def _chapter(report: Told, number: int) -> str:
    phase, before = report.phases[number], report.phases[:number]
    told = incidents(phase, before, report.members, report.synchrony, report.slowness)
    opening, end = _opening(report, phase, before), _end(phase, before)
    listed = "\n".join(f"- {line}" for line in _lines(told))
    parts = [opening, listed, end] if listed else [f"{opening} {end}".strip()]
    return "\n\n".join(part for part in (f"**{_title(phase, before)}**", *parts) if part)


def _title(phase: PhaseSummary, before: Sequence[PhaseSummary]) -> str:
    earlier = [one for one in before if one.name == phase.name]
    which = ""
    if earlier:
        which = ", second attempt" if before[-1] is earlier[-1] else ", once more"
    where = ""
    if phase.first_generation is not None and phase.generations:
        first = phase.first_generation
        where = f", {generations(range(first, first + phase.generations))}"
    steps = counted(phase.steps, "step")
    return f"{phase.name.capitalize()}{which} ({purpose(phase.name)}): {steps}{where}"


def _opening(report: Told, phase: PhaseSummary, before: Sequence[PhaseSummary]) -> str:
    """What the phase began with."""
    is_merger = phase.name == "endosymbiosis" and all(one.name != phase.name for one in before)
    told = [_beginning(phase, before, is_merger=is_merger), _population(phase)]
    if is_merger and report.ensemble is not None:
        told.append(_merger(report.ensemble))
    if phase.note:
        told.append(_fitting(phase.note))
    return " ".join(sentence(one) for one in told if one)


def _fitting(note: str) -> str:
    """What had to shrink, else why there were no challengers."""
    why, _, changes = note.partition(": ")
    if "->" in changes:
        return f"to fit into its steps: {inline(changes.replace('->', 'to'))}"
    return f"the reason: {inline(why)}"


def _beginning(phase: PhaseSummary, before: Sequence[PhaseSummary], *, is_merger: bool) -> str:
    at = f"{bpb(phase.start_bits_per_byte)} bits per byte"
    if phase.start_bits_per_byte is None:
        twins = f"; {counted(phase.null_twins, 'run')} of its last steps on other batches showed "
        noise = f"{twins}how large the noise is" if phase.null_twins else ""
        return f"one model was trained from its first step{noise}" if phase.lineages else ""
    if phase.settings and len(phase.lineages) > 1:
        return f"it began with {len(phase.lineages)} lineages, the best one at {at}"
    if is_merger and phase.lineages:
        return f"lineage {phase.lineages[0]}, the best one at {at}, became the host"
    if phase.name == "endosymbiosis" and before:
        again = "the run was given more steps; the host went on from before its decay"
        return f"{again}, the best so far at {at}"
    return f"it began at {at}"


def _population(phase: PhaseSummary) -> str:
    population, steps = (
        _whole(phase.settings, name) for name in ("population", "steps_per_candidate")
    )
    if population is None or steps is None:
        return ""
    if not phase.challengers:
        return f"the lineages trained without challengers, {counted(steps, 'step')} a generation"
    rate = phase.settings.get("mutation_rate")
    drawn = f", drawn with a mutation rate of {rate:g}" if isinstance(rate, int | float) else ""
    lineages = len(phase.lineages)
    rivals = counted(population - lineages, "challenger")
    return f"a generation had {rivals}{drawn}, and trained each member for {counted(steps, 'step')}"


def _whole(settings: dict[str, JsonValue], name: str) -> int | None:
    value = settings.get(name)
    return int(value) if isinstance(value, int | float) else None


def _merger(ensemble: EnsembleSummary) -> str:
    best = ensemble.best_member_bits_per_byte
    gain = ""
    if best is not None:
        side = "better" if ensemble.bits_per_byte <= best else "worse"
        gain = f", {bpb(abs(best - ensemble.bits_per_byte))} {side} than the best of them alone"
    text = f"the lineages' average predicts at {bpb(ensemble.bits_per_byte)}{gain}"
    if ensemble.distil_weight > 0:
        return f"{text}; it taught the host with weight {ensemble.distil_weight:g}"
    return f"{text}; {why_not_taught(ensemble)}, so the host learned from the text alone"


def _lines(told: Sequence[Incident]) -> list[str]:
    """Equal ones are told once; where there is no room for all, the least important go."""
    when: dict[str, list[int]] = {}
    for one in told:
        when.setdefault(one.text, []).append(one.generation)
    ranks = {one.text: one.rank for one in told}
    room = MAX_LINES if len(when) <= MAX_LINES else MAX_LINES - 1
    kept = set(sorted(when, key=lambda text: ranks[text])[:room])
    lines = [sentence(f"{generations(when[text])}: {text}") for text in when if text in kept]
    left_out = len(when) - len(kept)
    return [*lines, f"{left_out} more are in final-report.json."] if left_out else lines


def _end(phase: PhaseSummary, before: Sequence[PhaseSummary]) -> str:
    """What came of it, and the gate's verdict."""
    told = [_result(phase)]
    if phase.gate is not None:
        told += verdict(phase.gate, before)
    return " ".join(sentence(one) for one in told if one)


def _result(phase: PhaseSummary) -> str:
    if phase.bits_per_byte is None:
        return ""
    text = f"it ended at {bpb(phase.bits_per_byte)} bits per byte"
    if phase.start_bits_per_byte is None:
        return text
    gain = phase.start_bits_per_byte - phase.bits_per_byte
    if abs(gain) < SAME_BPB:
        return f"{text}, as it began"
    return f"{text}, {bpb(abs(gain))} {'better' if gain >= 0 else 'worse'} than it began"
