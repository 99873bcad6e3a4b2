"""`report.md`: the final report for a person. A pure function of the record."""

from collections.abc import Collection, Sequence

from orchestrator.report.escape import block, code, inline, table
from orchestrator.report.final_report import (
    BudgetSummary,
    EnsembleSummary,
    FinalReport,
    PhaseSummary,
    PopulationSummary,
    RunReport,
)
from orchestrator.report.headline import headline
from orchestrator.report.illustrations import Section, pictures
from orchestrator.report.quantities import bpb, count, operations, percent, seconds, signed, times
from orchestrator.report.story import story
from orchestrator.report.validation import validation_section
from orchestrator.report.wording import counted, why_not_taught
from orchestrator.report.writing import writing
from state.records import Genome, MemberRecord, Synchrony

MAX_MEMBERS = 12


def markdown(report: FinalReport, figures: Collection[str] = ()) -> str:
    """The whole document; text from outside is escaped. `figures` are those that were drawn."""
    return document(sections(report), figures)


def sections(report: FinalReport) -> tuple[Section, ...]:
    """Its parts in order; the first title is the document's."""
    return (
        Section("result", f"Run {inline(report.run_id)}", headline(report)),
        Section("activation", "The activation", _winner(report)),
        Section("phases", "The phases", phases_text(report.phases, report.budget)),
        *validation_section(report.validation),
        Section("story", "What happened", story(report)),
        Section("tried", "What was tried", population_text(report.population, report.members)),
        Section("synchrony", "Synchrony", synchrony_text(report.synchrony)),
        Section("ensemble", "The ensemble", ensemble_text(report.ensemble)),
        Section("writing", "What the model writes", writing(report.batteries)),
        Section("cost", "Cost", cost(report)),
        Section("reproduce", "How to reproduce", reproduction(report)),
    )


def document(sections: Sequence[Section], figures: Collection[str] = ()) -> str:
    """Sections by title, each with its figures; the first title is the document's."""
    titles = ["#"] + ["##"] * (len(sections) - 1)
    return (
        "\n\n".join(
            "\n\n".join([f"{mark} {one.title}", one.text, *pictures(one.name, figures)])
            for mark, one in zip(titles, sections, strict=True)
        )
        + "\n"
    )


def _winner(report: FinalReport) -> str:
    winner = report.winner
    kind = "gated" if winner.gated else "not gated"
    nodes = "1 node" if winner.nodes == 1 else f"{winner.nodes} nodes"
    origin = "the run began with it"
    if winner.operator or winner.parents:
        parents = " and ".join(code(parent) for parent in winner.parents) or "nothing known"
        origin = f"made by {_words(winner.operator or 'an unnamed operator')} from {parents}"
    where = f", accepted in {winner.phase}" if winner.phase else ""
    if winner.generation is not None:
        where += f", generation {winner.generation}"
    return (
        f"{code(winner.formula)} ({kind}, {nodes}, fingerprint {code(winner.fingerprint)}), "
        f"of lineage {winner.lineage}: {origin}{where}.{_fusion(winner.formula)}\n\n"
        f"On the search split, by which it was chosen, the model has "
        f"{bpb(report.search.bits_per_byte)} bits per byte; on the test split "
        f"{bpb(report.test.bits_per_byte)}."
    )


def _fusion(formula: str) -> str:
    kind = Genome(formula=formula).fusion
    return "" if kind is None else f" Its components are fused by {code(kind)}, a gene of the run."


def phases_text(phases: Sequence[PhaseSummary], budget: BudgetSummary) -> str:
    """A row a phase, an attempt each."""
    header = ["phase", "steps", "generations", "search bits per byte", "battery", "gate", "reason"]
    spent = f"{budget.spent:,} of {budget.requested:,} steps were spent."
    return f"{table(header, map(_phase_row, phases))}\n\n{spent}"


def _phase_row(phase: PhaseSummary) -> list[str]:
    return [
        phase.name,
        f"{phase.steps:,}",
        str(phase.generations),
        bpb(phase.bits_per_byte),
        "-" if phase.battery is None else f"{phase.battery:.3f}",
        phase.gate.verdict if phase.gate else "-",
        inline(phase.gate.reason) if phase.gate else "-",
    ]


def population_text(tried: PopulationSummary, members: Sequence[MemberRecord]) -> str:
    """How many were tried, and those worth telling of."""
    of_all = "" if tried.null_evaluated is None else f" of {tried.null_evaluated}"
    counts = (
        f"{counted(tried.evaluated, 'challenger')} {'was' if tried.evaluated == 1 else 'were'} "
        f"trained, {tried.accepted} accepted; "
        f"{tried.known_redrawn} draws were known already and drawn again. Null twins better "
        f"by more than such twins differ: {tried.null_accepted}{of_all}."
    )
    if tried.fusions:
        kinds = ", ".join(f"{code(kind)} {count}" for kind, count in tried.fusions.items())
        counts += f" Genomes by their fusion: {kinds}."
    if not members:
        return counts
    header = ["formula", "phase", "made by", "bits per byte", "gain", "needed", "outcome"]
    return f"{counts}\n\n{table(header, map(_member_row, members[:MAX_MEMBERS]))}"


def _member_row(member: MemberRecord) -> list[str]:
    return [
        code(member.genome.formula),
        f"{member.phase} {member.generation}",
        _words(member.operator) or member.role,
        bpb(member.bits_per_byte),
        signed(member.gain),
        signed(member.gain_limit),
        member.status,
    ]


def synchrony_text(synchrony: Sequence[Synchrony]) -> str:
    """Where r ended and whether the lineages locked."""
    if not synchrony:
        return "Not measured."
    last, top = synchrony[-1], max(synchrony, key=lambda s: s.r)
    locked = [s.generation for s in synchrony if s.locked]
    when = f"locked first in generation {locked[0]}" if locked else "never locked"
    meaning = "above" if last.r > last.null_quantile else "not above"
    return (
        f"r ended at {last.r:.2f}, {meaning} what independent lineages show by chance "
        f"({last.null_quantile:.2f}, 95 % quantile). Highest: {top.r:.2f} in generation "
        f"{top.generation}; {when}."
    )


def ensemble_text(ensemble: EnsembleSummary | None) -> str:
    """What averaging the symbionts was worth."""
    if ensemble is None:
        return "Not measured, so nothing was distilled."
    best = ensemble.best_member_bits_per_byte
    gain = "" if best is None else f", {signed(best - ensemble.bits_per_byte)} on its best member"
    used = f"The host was distilled from it with weight {ensemble.distil_weight:g}."
    if ensemble.distil_weight > 0 and ensemble.teaching == "table":
        used += (
            " What the average says of the train split was read once, into a table, which teaches"
            " in Homeostasis too."
        )
    if not ensemble.distil_weight:
        used = f"Distillation was not used: {why_not_taught(ensemble)}."
    return (
        f"The symbionts' average has {bpb(ensemble.bits_per_byte)} bits per byte on the search "
        f"split{gain}; they disagree by {ensemble.disagreement:.3f} (total variation). {used}"
    )


def _words(name: str) -> str:
    return inline(name.replace("_", " "))


def cost(report: RunReport) -> str:
    """Where the time went, and what was computed in it."""
    spent, wall = report.cost, report.wall
    parts = {
        "training": wall.training,
        "evaluation": wall.evaluation,
        "battery": wall.battery,
        "all else": wall.other,
    }
    rows = [[name, seconds(part.seconds), percent(part.share)] for name, part in parts.items()]
    first = report.first_step_seconds
    start = "" if first is None else f" The first step began after {seconds(first)}."
    return (
        f"{table(['work', 'time', 'share'], rows)}\n\n"
        f"{count(spent.tokens)} tokens, {operations(spent.training_flops)} in training and "
        f"{operations(spent.evaluation_flops)} in evaluation, {seconds(spent.device_seconds)} of "
        f"device time; {times(report.resumed_count)} resumed.{start}"
    )


def reproduction(report: RunReport) -> str:
    """The command, and what the bits depend on besides."""
    environment = report.environment
    packages = ", ".join(f"{inline(k)} {inline(v)}" for k, v in environment.packages.items())
    facts = [
        f"seed {report.seed}",
        f"data {code(report.data.path)}, {report.data.bytes:,} bytes, "
        f"sha256 {code(report.data.sha256)}",
        f"model {inline(report.model.size)} ({inline(report.model.backbone)}), "
        f"{report.model.parameters:,} parameters, sha256 {code(report.model_sha256)}",
        f"Python {inline(environment.python)} on {inline(environment.platform)}, "
        f"{inline(environment.device)}, {environment.threads} threads, "
        f"engine {inline(environment.engine)}",
    ]
    facts += [packages] if packages else []
    facts += [f"code {code(environment.code_version)}"] if environment.code_version else []
    listed = "\n".join(f"- {fact}" for fact in facts)
    return f"{block(report.command)}\n\n{listed}\n\nGo on from here:\n\n{block(report.resume_line)}"
