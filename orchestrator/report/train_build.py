"""Filling the report of `train` from a finished run's state and store."""

import shlex
from functools import reduce

from orchestrator.commits import Saved
from orchestrator.config import RunConfig
from orchestrator.report.final_report import Score
from orchestrator.report.run_facts import run_report
from orchestrator.report.train_report import Measured, Spoken, TrainReport
from orchestrator.run_state import HostState, RunState
from orchestrator.settings import merge, preset_of, validated
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.finale import winner_of
from orchestrator.stages.host_progress import host_of
from orchestrator.train_flags import TRAIN_FLAGS
from orchestrator.train_settings import DEFAULTS, DOMAINS, SYMBIO
from state.genome import display_name
from state.metrics_store import MetricsStore
from state.records import Finding
from state.run_folder import RunFolder
from trainer.config import Contiguous

OF_THE_MACHINE = {"run_dir", "keep_gb", "engine.device", "engine.engine", "engine.workers"}
"""Settings that another machine has to choose again."""


def build_train_report(folder: RunFolder, saved: Saved) -> TrainReport:
    """The report of a finished run of one model.

    Raises:
        ValueError: the run is not finished.
    """
    state, config = saved.run, saved.config
    common = run_report(folder, saved, command_of(config))
    genome, host = winner_of(state).genome, host_of(state)
    seconds = saved.telemetry.training_seconds
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        spoken = store.samples(state.run_id)
        members = store.members(state.run_id)
    return TrainReport(
        **dict(common),
        activation=genome.formula,
        activation_name=display_name(genome),
        parameters=common.model.parameters,
        steps=common.budget.spent,
        challenger_steps=sum(one.steps for one in members if one.role == "challenger"),
        skipped_steps=sum(one.skipped_steps for one in members),
        tokens=state.ledger.tokens,
        seconds=saved.telemetry.wall_seconds,
        tokens_per_sec=state.ledger.tokens / seconds if seconds else 0.0,
        best_step=winner_of(state).age_steps,
        last=Score.of(host.last) if host.last else None,
        course=_course(host),
        samples=tuple(Spoken(step=one.step, sample=one.sample) for one in spoken),
        decisions=state.decisions,
        findings=_findings(state),
        config=config.model_dump(mode="json"),
    )


def command_of(config: RunConfig) -> str:
    """The command line that makes the run again, with every setting that is not the default."""
    domain = DOMAINS.get(config.data.domain, {})
    symbio = SYMBIO if config.train.symbio else {}
    preset = preset_of({"preset": config.preset})
    default = validated(reduce(merge, (DEFAULTS, domain, preset, symbio)))
    words = ["symbio-auto", "train", "--data", *config.data.paths]
    words += ["--symbio"] if config.train.symbio else []
    for flag in TRAIN_FLAGS:
        value = _setting(config, flag.path)
        differs = value != _setting(default, flag.path)
        if flag.path == "budget" or (differs and flag.path not in OF_THE_MACHINE):
            words += [flag.name, _spelled(value)]
    return shlex.join(words)


def _setting(config: RunConfig, path: str) -> object:
    value: object = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _spelled(value: object) -> str:
    """As it is written on a command line."""
    match value:
        case None:
            return "0"
        case Contiguous():
            return f"contiguous:{value.train},{value.search},{value.test}"
        case _:
            return str(value)


def _course(host: HostState) -> tuple[Measured, ...]:
    return tuple(
        Measured(step=age, bits_per_byte=bits, train_loss=loss) for age, bits, loss in host.history
    )


def _findings(state: RunState) -> tuple[Finding, ...]:
    return phase_of(state).findings if state.phase else ()
