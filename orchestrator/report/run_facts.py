"""What the reports of all runs have in common, from a finished run's state and folder."""

import hashlib
from pathlib import Path

from orchestrator import ledger as books
from orchestrator.commits import Saved
from orchestrator.environment import environment_of
from orchestrator.report.final_report import (
    Baseline,
    BudgetSummary,
    CostSummary,
    DataSummary,
    Environment,
    ModelSummary,
    RunReport,
    Score,
    SlownessSummary,
    WallPart,
    WallSummary,
)
from orchestrator.report.validation import validation_of
from orchestrator.run_state import FinalMeasures, RunState
from orchestrator.stages.finale import winner_of
from orchestrator.telemetry import Telemetry
from state.pasted import pasted
from state.run_folder import RunFolder
from trainer.manifest import read_manifest


def run_report(folder: RunFolder, saved: Saved, command: str) -> RunReport:
    """The common part; `command` makes the run again.

    Raises:
        ValueError: the run is not finished.
    """
    state, config = saved.run, saved.config
    final = final_of(state)
    flag = "--iters" if config.mode == "train" else "--budget"
    program = "symbio-auto train" if config.mode == "train" else "symbio-auto"
    return RunReport(
        run_id=state.run_id,
        seed=config.seed,
        command=command,
        data=_data(folder, saved),
        model=_model(saved),
        budget=budget_of(state),
        test=Score.of(final.test) if final.test else None,
        search=Score.of(final.search),
        untrained=Baseline(bits_per_byte=final.untrained.bits_per_byte),
        order2=Baseline(bits_per_byte=final.order2_bits_per_byte),
        environment=_environment(saved),
        resumed_count=state.resumed_count,
        wall=_wall(saved.telemetry),
        slowness=SlownessSummary(
            late_phases=saved.telemetry.watchdog.late,
            collapses=saved.telemetry.throughput.collapses,
        ),
        validation=validation_of(saved),
        cost=_cost(saved),
        test_openings=state.test_openings,
        model_sha256=_sha256(folder.model / "model.safetensors"),
        resume_line=f"{program} --resume {pasted(folder.state)} {flag} {2 * state.ledger.budget}",
        first_step_seconds=saved.telemetry.first_step_seconds,
    )


def final_of(state: RunState) -> FinalMeasures:
    """The figures that the run ends with.

    Raises:
        ValueError: it has not ended.
    """
    if state.final is None or state.winner is None:
        raise ValueError(
            f"run {state.run_id} is not finished; resume it, or look at it with symbio-auto status"
        )
    return state.final


def _data(folder: RunFolder, saved: Saved) -> DataSummary:
    manifest = read_manifest(folder.data)
    paths = ", ".join(saved.config.data.paths)
    return DataSummary(path=paths, sha256=manifest.sha256, bytes=manifest.num_bytes)


def _model(saved: Saved) -> ModelSummary:
    from trainer.widths import num_parameters

    model = saved.config.model
    parameters = num_parameters(model, winner_of(saved.run).genome)
    return ModelSummary(size=model.size, parameters=parameters, backbone=model.backbone)


def budget_of(state: RunState) -> BudgetSummary:
    """Member-steps, asked for and spent so far."""
    return BudgetSummary(
        requested=state.ledger.budget,
        spent=books.spent(state.ledger),
        by_phase={line.phase: line.settled for line in state.ledger.lines},
    )


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
