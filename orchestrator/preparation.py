"""Making a run ready: a new one from its configuration, or one that goes on from its commit."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from orchestrator.claim import Claim, claimed
from orchestrator.commits import Saved, restore
from orchestrator.config import EngineConfig, RunConfig
from orchestrator.environment import differences, environment_of
from orchestrator.extension import extend
from orchestrator.first_look import first_look
from orchestrator.in_cluster import placed
from orchestrator.intervention import Intervention, place_of, waiver, with_settings
from orchestrator.origin import Origin, find_origin
from orchestrator.resolve import on_devices, resolve_data, resolve_engine
from orchestrator.run_state import first_state
from orchestrator.settings import Settings
from orchestrator.stages.conclusion import Event
from orchestrator.telemetry import Telemetry
from state.commit import CommitRecord, load_commit
from state.genome import display_name, parse
from state.objects import ObjectStore
from state.progress import ProgressFile, Reporter, Sink
from state.run_folder import RunFolder
from state.seeds import derive_seed
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_calibration import false_alarm_rate
from trainer.instruments.cusum_panel import NUM_CHARTS
from trainer.manifest import DatasetManifest, require_intact


class Prepared(NamedTuple):
    """A run that is ready to go, and what to tell the user about it."""

    folder: RunFolder
    saved: Saved
    notes: tuple[str, ...]
    events: tuple[Event, ...]
    commit: CommitRecord | None = None
    """What it goes on from; None for a new run."""
    intervention: Intervention | None = None
    """What was changed before it goes on."""
    claim: Claim | None = None
    """Of a new run, which keeps others out of the folder until the run has its lock."""


def prepare_run(config: RunConfig, *shown: Sink) -> Prepared:
    """Make the run's folder and its dataset; a refused corpus leaves no folder behind.

    How far that is stands in the folder, and goes to whatever else shows it.

    Raises:
        InUse: another process makes a run in the folder, or works on one.
        ValueError: the configuration, the corpus or the folder cannot be used.
    """
    from trainer.data import prepare

    folder, resolution = RunFolder(Path(config.run_dir)), first_look(config)
    origin = find_origin(Path(config.train.init_from)) if config.train.init_from else None
    with claimed(folder) as claim:
        tokenizer = origin.tokenizer if origin else None
        block = resolution.config.model.block
        progress = Reporter(ProgressFile(folder.progress), *shown)
        manifest = prepare(resolution.config.data, folder.data, block, tokenizer, progress)
        resolved = resolve_data(resolution.config, manifest)
        if origin is not None:
            require_tokenizer(config, manifest)
            resolved = begun_from(origin, resolved, folder)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    state = first_state(resolved, f"{folder.root.name}-{stamp}")
    notes = (
        *_mode_notes(resolved),
        *resolution.notes,
        *promises(resolved),
        f"domain {manifest.domain}, {manifest.tokenizer} tokenizer of {manifest.vocab_size} tokens",
    )
    saved = Saved(config=resolved, run=state, telemetry=Telemetry())
    event = Event(kind="started", data={"run_id": state.run_id, "budget": config.budget})
    return Prepared(folder, saved, notes, (event,), claim=claim)


def _mode_notes(config: RunConfig) -> tuple[str, ...]:
    """Which activation a model that trains alone has, and whether it is measured."""
    if config.mode == "phases":
        return ()
    genome = parse(config.train.activation)
    name = display_name(genome)
    named = "" if name in genome.formula else f" ({name})"
    symbio = "symbio on" if config.train.symbio else "symbio off"
    note = f"activation {genome.formula}{named}, recipe {config.model.recipe}, {symbio}"
    return (note, *_false_alarms(config.train.symbio))


def _false_alarms(symbio: SymbioConfig | None) -> tuple[str, ...]:
    """What a limit that somebody chose means for a run in which nothing happens."""
    if symbio is None or symbio.cusum_threshold is None or symbio.chart == "original":
        return ()
    rate = false_alarm_rate(symbio.cusum_threshold, NUM_CHARTS, symbio.cusum_drift)
    limit = f"{symbio.cusum_threshold:g} sigmas"
    return (f"CUSUM limit {limit}: a false alarm in {rate:.0%} of stretches of 1,000 quiet steps",)


def begun_from(origin: Origin, config: RunConfig, folder: RunFolder) -> RunConfig:
    """The configuration of a run whose model begins with the origin's weights.

    Raises:
        ValueError: they are of another activation or shape.
    """
    from trainer.initial_weights import initial_checkpoint

    genome, seed = parse(config.train.activation), derive_seed(config.seed, "init", 0)
    data = initial_checkpoint(origin.source(), genome, config.model, seed)
    sha = ObjectStore(folder.objects).publish(data)
    return config.model_copy(update={"train": config.train.model_copy(update={"init_sha256": sha})})


def require_tokenizer(config: RunConfig, manifest: DatasetManifest) -> None:
    """Refuse a tokenizer that was asked for and is not the one that came with the weights."""
    given, found = config.data.tokenizer, manifest.tokenizer
    if "tokenizer" in config.data.model_fields_set and given != found:
        raise ValueError(
            f"--tokenizer {given} does not fit --init-from {config.train.init_from}, whose "
            f"tokens are those of a {found} tokenizer; leave it out"
        )


def prepare_resume(
    path: Path,
    *,
    budget: int | None = None,
    engine: Settings | None = None,
    waive: Sequence[str] = (),
    start: Callable[[EngineConfig], None] = lambda _: None,
) -> Prepared:
    """Load the newest usable commit of a run.

    Where it goes on may change: the kind of engine, its workers and its address do not change the
    bits, and of another device the user is told. `start` is given the engine of a run that goes
    on as soon as it is known.

    `waive` names validation gates whose failure is to stop it no more.

    Raises:
        ValueError: there is no usable commit, the device is absent, the budget does not extend
            it, or a gate cannot be waived.
    """
    folder = RunFolder.from_argument(path)
    loaded = load_commit(folder)
    saved = restore(loaded.record)
    before = saved.config.engine
    wanted = _engine_of(saved, engine or {})
    config = saved.config.model_copy(update={"engine": wanted})
    if saved.run.status == "running":
        config = on_devices(config)
        start(resolve_engine(config.engine))
    saved = saved.model_copy(update={"config": config})
    require_intact(folder.data)
    notes = (
        *((loaded.message,) if loaded.message else ()),
        *_changes(loaded.record, before, saved.config),
    )
    resumed = Event(kind="resumed", data={"generation": saved.run.generation})
    prepared = Prepared(folder, saved, notes, (resumed,), loaded.record)
    if waive:
        return _counted(_waived(prepared, waive, budget))
    return _counted(prepared if budget is None else _extended(prepared, budget))


def _engine_of(saved: Saved, given: Settings) -> EngineConfig:
    """Where the run goes on, with a device that is there."""
    wanted = EngineConfig.model_validate({**saved.config.engine.model_dump(), **given})
    if saved.run.status == "running":
        wanted = placed(wanted)
    if wanted.device == "auto":
        wanted = wanted.model_copy(update={"device": resolve_engine(wanted).device})
    return wanted


def _waived(prepared: Prepared, names: Sequence[str], budget: int | None) -> Prepared:
    """The run with gates that stop it no more."""
    if budget is not None:
        raise ValueError("--waive and --budget change a run one at a time; give --waive first")
    saved = prepared.saved
    intervention = waiver(saved.config, saved.run, names)
    config = with_settings(saved.config, intervention.after)
    event = Event(kind="waived", data={"gates": ", ".join(names)})
    return prepared._replace(
        saved=saved.model_copy(update={"config": config}),
        events=(*prepared.events, event),
        intervention=intervention,
    )


def _extended(prepared: Prepared, budget: int) -> Prepared:
    """The run with more steps to spend."""
    saved = prepared.saved
    intervention = Intervention(
        kind="extended",
        place=place_of(saved.run),
        before={"budget": saved.config.budget},
        after={"budget": budget},
    )
    config, state, event = extend(saved.config, saved.run, budget)
    return prepared._replace(
        saved=saved.model_copy(update={"config": config, "run": state}),
        events=(*prepared.events, event),
        intervention=intervention,
    )


def _counted(prepared: Prepared) -> Prepared:
    """A run that goes on was resumed once more."""
    saved = prepared.saved
    if saved.run.status != "running":
        return prepared
    run = saved.run.model_copy(update={"resumed_count": saved.run.resumed_count + 1})
    return prepared._replace(saved=saved.model_copy(update={"run": run}))


def _changes(record: CommitRecord, before: EngineConfig, config: RunConfig) -> tuple[str, ...]:
    """What a user must know of the bits before the run goes on."""
    changed = differences(record.environment, environment_of(config.engine))
    now = config.engine
    names = ["device", "host_devices", *(["workers"] if now.stack and now.engine == "ray" else [])]
    for name in names:
        if getattr(before, name) != getattr(now, name):
            changed.append(f"{name} was {getattr(before, name)}, now {getattr(now, name)}")
    if not changed:
        return promises(config)
    return (
        *promises(config),
        "this is another environment, bits may differ: " + "; ".join(changed),
    )


def promises(config: RunConfig) -> tuple[str, ...]:
    """What a user must know who counts on the same bits every time."""
    if config.train.reads_the_clock:
        return ("the batch follows tokens per second, so the same bits are not promised",)
    if config.engine.repeats:
        return ()
    return ("on CUDA without --deterministic the same bits are not promised",)
