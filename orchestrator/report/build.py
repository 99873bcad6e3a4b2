"""Filling the final report from a finished run's state, store and exported model."""

import hashlib
from pathlib import Path

from orchestrator import ledger as books
from orchestrator.commits import Saved
from orchestrator.environment import environment_of
from orchestrator.report.final_report import (
    Baseline,
    BudgetSummary,
    ControlScore,
    CostSummary,
    DataSummary,
    EnsembleSummary,
    Environment,
    FinalReport,
    GateSummary,
    ModelSummary,
    PhaseSummary,
    PopulationSummary,
    Score,
    WallPart,
    WallSummary,
    Winner,
)
from orchestrator.run_state import FinalMeasures, RunState
from orchestrator.stages.finale import winner_of
from orchestrator.telemetry import Telemetry
from state.genome import fingerprint, is_gated, size
from state.metrics_store import MetricsStore
from state.records import MemberRecord
from state.run_folder import RunFolder
from trainer.manifest import read_manifest

# Challengers that were not accepted but are worth a line.
NUM_RUNNERS_UP = 10


def build_report(folder: RunFolder, saved: Saved) -> FinalReport:
    """The report of a finished run.

    Raises:
        ValueError: the run is not finished.
    """
    state, config = saved.run, saved.config
    final = _final(state)
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        members = store.members(state.run_id)
        batteries = store.batteries(state.run_id)
        synchrony = store.synchrony(state.run_id)
    return FinalReport(
        run_id=state.run_id,
        seed=config.seed,
        command=_command(saved),
        data=_data(folder, saved),
        model=_model(saved),
        budget=_budget(state),
        phases=_phases(state),
        batteries=batteries,
        winner=_winner(state, members),
        test=Score.of(final.test),
        search=Score.of(final.search),
        untrained=Baseline(bits_per_byte=final.untrained.bits_per_byte),
        order2=Baseline(bits_per_byte=final.order2_bits_per_byte),
        ensemble=_ensemble(state),
        synchrony=synchrony,
        population=_population(state),
        members=_worth_telling(members),
        control=_controls(final),
        environment=_environment(saved),
        resumed_count=state.resumed_count,
        wall=_wall(saved.telemetry),
        cost=_cost(saved),
        test_openings=state.test_openings,
        model_sha256=_sha256(folder.model / "model.safetensors"),
        resume_line=f"symbio-auto --resume {folder.state} --budget {2 * state.ledger.budget}",
        first_step_seconds=saved.telemetry.first_step_seconds,
    )


def _data(folder: RunFolder, saved: Saved) -> DataSummary:
    manifest = read_manifest(folder.data)
    paths = ", ".join(saved.config.data.paths)
    return DataSummary(path=paths, sha256=manifest.sha256, bytes=manifest.num_bytes)


def _model(saved: Saved) -> ModelSummary:
    from trainer.widths import num_parameters

    model = saved.config.model
    parameters = num_parameters(model, winner_of(saved.run).genome)
    return ModelSummary(size=model.size, parameters=parameters, backbone=model.backbone)


def _budget(state: RunState) -> BudgetSummary:
    return BudgetSummary(
        requested=state.ledger.budget,
        spent=books.spent(state.ledger),
        by_phase={line.phase: line.settled for line in state.ledger.lines},
    )


def _controls(final: FinalMeasures) -> tuple[ControlScore, ...]:
    return tuple(ControlScore(name=name, bits_per_byte=bits) for name, bits in final.controls)


def _cost(saved: Saved) -> CostSummary:
    ledger = saved.run.ledger
    return CostSummary(
        tokens=ledger.tokens,
        training_flops=ledger.training_flops,
        evaluation_flops=ledger.evaluation_flops,
        device_seconds=saved.telemetry.device_seconds,
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _final(state: RunState) -> FinalMeasures:
    if state.final is None or state.winner is None:
        raise ValueError(
            f"run {state.run_id} is not finished; resume it, or look at it with symbio-auto status"
        )
    return state.final


def _command(saved: Saved) -> str:
    config = saved.config
    parts = ["symbio-auto", "--data", *config.data.paths, "--budget", str(config.budget)]
    parts += ["--seed", str(config.seed), "--model", config.model.size]
    if config.control:
        parts += ["--control", ",".join(config.control)]
    return " ".join(parts)


def _phases(state: RunState) -> tuple[PhaseSummary, ...]:
    return tuple(
        PhaseSummary(
            name=one.name,
            steps=one.steps,
            generations=one.generations,
            bits_per_byte=one.bits_per_byte,
            battery=one.battery,
            gate=GateSummary(verdict=one.gate.verdict, reason=one.gate.reason),
            decisions=one.decisions,
            findings=one.findings,
            note=one.note,
        )
        for one in state.summaries
    )


def _winner(state: RunState, members: tuple[MemberRecord, ...]) -> Winner:
    best = winner_of(state)
    born = next(
        (one for one in members if one.status == "accepted" and one.genome == best.genome), None
    )
    digest = hashlib.sha256(repr(fingerprint(best.genome)).encode()).hexdigest()[:16]
    return Winner(
        formula=best.genome.formula,
        gated=is_gated(best.genome),
        nodes=size(best.genome).nodes,
        fingerprint=digest,
        parents=best.parents,
        lineage=best.lineage,
        operator=born.operator if born else "",
        phase=born.phase if born else None,
        generation=born.generation if born else None,
    )


def _ensemble(state: RunState) -> EnsembleSummary | None:
    measured = state.ensemble
    if measured is None:
        return None
    return EnsembleSummary(
        bits_per_byte=measured.bits_per_byte,
        disagreement=measured.disagreement,
        distil_weight=measured.distil_weight,
        best_member_bits_per_byte=measured.best_bits_per_byte,
    )


def _population(state: RunState) -> PopulationSummary:
    counts = state.counts
    return PopulationSummary(
        evaluated=counts.evaluated,
        known_redrawn=counts.known_redrawn,
        accepted=counts.accepted,
        null_accepted=counts.null_accepted,
        null_evaluated=counts.null_evaluated,
    )


def _worth_telling(members: tuple[MemberRecord, ...]) -> tuple[MemberRecord, ...]:
    accepted = [one for one in members if one.status == "accepted"]
    others = [
        one
        for one in members
        if one.role == "challenger" and one.status == "trained" and one.gain is not None
    ]
    best = sorted(others, key=lambda one: -(one.gain or 0.0))[:NUM_RUNNERS_UP]
    return (*accepted, *best)


def _environment(saved: Saved) -> Environment:
    config = saved.config
    facts = environment_of(config.engine)
    packages = facts["packages"]
    assert isinstance(packages, dict)
    versions = {name: str(value) for name, value in packages.items() if value}
    return Environment(
        python=str(facts["python"]),
        platform=f"{facts['platform']}, {facts['processor']}",
        device=config.engine.device,
        threads=config.engine.host_threads or 1,
        engine=config.engine.engine,
        packages=versions,
        code_version=versions.get("symbio-auto", ""),
    )


def _wall(telemetry: Telemetry) -> WallSummary:
    total = max(telemetry.wall_seconds, 1e-9)
    parts = (
        telemetry.training_seconds,
        telemetry.evaluation_seconds,
        telemetry.battery_seconds,
    )
    rest = max(0.0, total - sum(parts))
    training, evaluation, battery, other = (
        WallPart(seconds=value, share=min(1.0, value / total)) for value in (*parts, rest)
    )
    return WallSummary(training=training, evaluation=evaluation, battery=battery, other=other)


def finish(folder: RunFolder, saved: Saved) -> FinalReport:
    """Export the winner and write final-report.json and report.md.

    Raises:
        ValueError: the run is not finished.
    """
    from orchestrator.report.markdown import markdown
    from state.durable import write_atomically
    from state.objects import ObjectStore
    from trainer.export import export_torch

    _final(saved.run)
    winner = winner_of(saved.run)
    export_torch(
        ObjectStore(folder.objects),
        winner.checkpoint,
        folder.model,
        folder.data / Path("tokenizer.json"),
    )
    report = build_report(folder, saved)
    write_atomically(folder.final_report, report.model_dump_json(indent=2).encode())
    write_atomically(folder.report_markdown, markdown(report).encode())
    return report
