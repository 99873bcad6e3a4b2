"""What is known of a run, from its commit and its store; nothing here is decided or rounded."""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.commits import Saved
from orchestrator.report.control_evaluations import control_evaluations
from orchestrator.report.final_report import PhaseSummary
from orchestrator.report.finish import AnyReport
from orchestrator.report.phase_facts import phase_summaries
from state.commit import CommitRecord
from state.metrics_store import MetricsStore
from state.records import BatteryReport, Evaluation, MemberRecord, StepMetrics, Synchrony
from state.run_folder import RunFolder
from state.store_rows import GenerationSummary, RunSummary, StoredEvent, StoredFinding, StoredSample


class Evidence(NamedTuple):
    """Everything that a page is drawn from."""

    saved: Saved
    report: AnyReport | None
    """None while the run goes on."""
    phases: tuple[PhaseSummary, ...]
    """Attempts that have ended."""
    members: tuple[MemberRecord, ...]
    generations: tuple[GenerationSummary, ...]
    synchrony: tuple[Synchrony, ...]
    batteries: tuple[BatteryReport, ...]
    findings: tuple[StoredFinding, ...]
    events: tuple[StoredEvent, ...]
    samples: tuple[StoredSample, ...]
    steps: tuple[StepMetrics, ...]
    """Of a model that trains alone; empty in a run of phases."""
    controls: tuple[tuple[str, Evaluation | None], ...]
    """Formula of each baseline and its evaluation on the split that the run is read for."""

    begun: str
    """When, in UTC; empty where the store does not say."""

    @property
    def is_single(self) -> bool:
        """One model trains alone."""
        return self.saved.config.mode == "train"


def read_evidence(
    folder: RunFolder, record: CommitRecord, saved: Saved, report: AnyReport | None
) -> Evidence:
    """Read it; a run that goes on may be read at any time.

    Raises:
        ValueError: the store cannot be read.
    """
    run_id, single = saved.run.run_id, saved.config.mode == "train"
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        return Evidence(
            saved=saved,
            report=report,
            phases=phase_summaries(saved.run, store),
            members=store.members(run_id),
            generations=store.generations(run_id),
            synchrony=store.synchrony(run_id),
            batteries=store.batteries(run_id),
            findings=store.findings(run_id),
            events=store.events(run_id),
            samples=store.samples(run_id),
            steps=_alone(store.steps(run_id), store.members(run_id)) if single else (),
            controls=control_evaluations(
                folder.results_jsonl,
                saved.run,
                record.journal_bytes.get(folder.results_jsonl.name, 0),
            ),
            begun=_begun(store.summary(run_id)),
        )


def _begun(summary: RunSummary | None) -> str:
    return (summary.created_at or "") if summary else ""


def _alone(
    steps: Sequence[StepMetrics], members: Sequence[MemberRecord]
) -> tuple[StepMetrics, ...]:
    """Without the steps of challengers, in order."""
    others = {one.member_id for one in members if one.role != "host"}
    own = (one for one in steps if one.member_id not in others)
    return tuple(sorted(own, key=lambda one: one.step))
