"""Filling in what the user left open: size, device, threads, domain, vocabulary."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from orchestrator.cluster_fit import is_away
from orchestrator.config import EngineConfig, RunConfig
from orchestrator.host_devices import with_host_devices
from orchestrator.intervals import eval_steps, sample_steps
from orchestrator.passes import is_short_of_steps, passes_of
from orchestrator.schedule import warmup_steps
from orchestrator.sizing import Choice, choose_size, size_of
from orchestrator.train_config import TrainConfig
from state.base import Record
from state.run_folder import RunFolder
from trainer.config import DataConfig, ModelConfig, WorkerSetup
from trainer.lengths import require_lengths
from trainer.text_names import text_files

if TYPE_CHECKING:
    from trainer.manifest import DatasetManifest

# (passes over the train split, dropout): what is seen a few times is not memorised yet.
DROPOUT_BY_PASSES = ((20.0, 0.1), (0.0, 0.0))


# Of the budget, what a lineage has trained when the lineages merge, and the host when the run ends;
# the host of a run that is short of steps gets most of theirs.
LINEAGE_SHARE, HOST_SHARE, LONG_HOST_SHARE = 0.2, 0.55, 0.85

STACK_ON_CUDA = 16

# AdamW alone wants less than it gets beside Muon; nanoGPT's rate for models of this size.
CLASSIC_LR = 1e-3


class Resolution(Record):
    """A configuration without open values, and what was decided on the way."""

    config: RunConfig
    notes: tuple[str, ...]


def resolve_shape(config: RunConfig, corpus_bytes: int) -> Resolution:
    """Fix device, threads and shape; the vocabulary follows once the tokenizer is trained.

    Explicit sizes override the named one.

    Raises:
        ValueError: the shape is impossible or the device is absent.
    """
    engine = resolve_engine(config.engine)
    choice = choose_size(config.model_size, device=engine.device, corpus_bytes=corpus_bytes)
    model = _shaped(config.model, choice)
    if config.train.ffn_dim is not None:
        model = _with_inner_width(model, config.train)
    optimizer = config.optimizer
    if config.mode == "train" and model.recipe == "classic":
        own = {"lr": CLASSIC_LR, **optimizer.model_dump(include=optimizer.model_fields_set)}
        optimizer = type(optimizer).model_validate(own)
    if "batch" not in optimizer.model_fields_set:
        batch = size_of(choice.name, model.backbone).batch
        optimizer = optimizer.model_copy(update={"batch": batch})
    if "lr" in optimizer.model_fields_set and "muon_lr" not in optimizer.model_fields_set:
        default = type(optimizer)()
        scaled = default.muon_lr * optimizer.lr / default.lr
        optimizer = optimizer.model_copy(update={"muon_lr": scaled})
    require_lengths(optimizer, model)
    evolution = config.evolution.for_lineages_of(LINEAGE_SHARE * config.budget)
    parts = {"engine": engine, "model": model, "optimizer": optimizer, "evolution": evolution}
    resolved = on_devices(config.model_copy(update=parts))
    notes = (f"model {choice.name} ({choice.reason})",)
    return Resolution(config=resolved, notes=notes)


def resolve_data(config: RunConfig, manifest: "DatasetManifest") -> RunConfig:
    """Fix what the prepared dataset decides: vocabulary, dropout, warm-up."""
    read = {
        "domain": manifest.domain,
        "tokenizer": manifest.tokenizer,
        "train_tokens": manifest.splits["train"].tokens,
        "vocab_size": _vocabulary(manifest),
    }
    config = config.model_copy(update={"data": config.data.model_copy(update=read)})
    lineage_share = 1.0 if config.mode == "train" else LINEAGE_SHARE
    host_share = LONG_HOST_SHARE if is_short_of_steps(config) else HOST_SHARE
    changes = {"vocab_size": manifest.vocab_size, "dropout": _dropout(config, lineage_share)}
    alone = {
        "control_dropout": _dropout(config, 1.0),
        "untaught_dropout": _dropout(config, host_share),
    }
    update = {
        "model": config.model.model_copy(update=changes),
        "host": config.host.model_copy(update=alone),
        "optimizer": config.optimizer.model_copy(update={"warmup": warmup_steps(config)}),
    }
    if config.mode == "train":
        intervals = {"eval_interval": eval_steps(config), "sample_interval": sample_steps(config)}
        update["train"] = config.train.model_copy(update=intervals)
    return config.model_copy(update=update)


def resolve_engine(engine: EngineConfig) -> EngineConfig:
    """Fix the device, the precision, the slots, the stacks and the host's threads.

    One process serves a single GPU, unless an engine was asked for: it can stack members.

    Raises:
        ValueError: a GPU is asked for and there is none.
    """
    device = engine.device
    if device == "auto":
        device = "cuda" if _has_cuda() else "cpu"
    elif device == "cuda" and not is_away(engine) and not _has_cuda():
        raise ValueError("--device cuda: no CUDA device is visible; use --device cpu or auto")
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    usable = max(1, min(cores, len(os.sched_getaffinity(0))))
    gpus = num_gpus() if device == "cuda" and not is_away(engine) else 0
    if gpus:
        _require_gpu(engine, gpus)
    alone = gpus == 1 and "engine" not in engine.model_fields_set
    stacked = STACK_ON_CUDA if device == "cuda" else None
    return engine.model_copy(
        update={
            "device": device,
            "dtype": precision_of(engine.model_copy(update={"device": device})),
            "engine": "inline" if alone else engine.engine,
            "stack": stacked if engine.stack is None else engine.stack,
            "workers": engine.workers or gpus or usable,
            "host_threads": engine.host_threads or usable,
        }
    )


def _require_gpu(engine: EngineConfig, gpus: int) -> None:
    """Raises ValueError where the GPU, or what is asked of it, is not there."""
    if engine.device_index >= gpus:
        raise ValueError(
            f"engine.device_index {engine.device_index}: this machine shows {gpus} GPU(s), counted "
            "from 0; give one of them"
        )
    if engine.cuda_graphs and engine.deterministic:
        raise ValueError(
            "--cuda-graphs: whether replayed steps keep the bits that --deterministic promises has "
            "not been measured; leave one of the two out"
        )


def on_devices(config: RunConfig) -> RunConfig:
    """The configuration with the number of devices that its hosts are spread over, here.

    Raises:
        ValueError: they cannot be spread over so many.
    """
    gpus = num_gpus() if config.engine.device == "cuda" and config.engine.host_devices != 1 else 0
    return config.model_copy(update={"engine": with_host_devices(config, gpus)})


def precision_of(engine: EngineConfig) -> Literal["float32", "bfloat16"]:
    """As given; by the device where that was left open."""
    if engine.dtype != "auto":
        return engine.dtype
    return "bfloat16" if engine.device == "cuda" else "float32"


def worker_setup(config: RunConfig, folder: RunFolder) -> WorkerSetup:
    """What the workers need to know."""
    device = config.engine.device
    if device == "auto":
        raise ValueError(
            "the configuration leaves the device open, and a run's names one; restore its "
            "state.json from a copy"
        )
    return WorkerSetup(
        run_folder=str(folder.root.resolve()),
        model=config.model,
        optimizer=config.optimizer,
        device=device,
        dtype=precision_of(config.engine),
        deterministic=config.engine.repeats,
        stack=config.engine.stack or 0,
        cuda_graphs=config.engine.cuda_graphs,
        # A worker of Ray sees its own GPU alone.
        device_index=config.engine.device_index if config.engine.engine == "inline" else 0,
        host_devices=_fixed(config.engine.host_devices),
        seed=config.seed,
        battery_prompts=config.battery.prompts,
        battery_questions=config.battery.questions,
        battery_tokens=config.battery.max_new_tokens,
        battery_temperatures=config.battery.temperatures,
        symbio=config.train.symbio,
        adapt_to_throughput=config.train.reads_the_clock,
    )


def _fixed(host_devices: int | Literal["auto"]) -> int:
    """Of a resolved configuration; one that was never run is not spread."""
    return 1 if host_devices == "auto" else host_devices


def at_hand(setup: WorkerSetup) -> WorkerSetup:
    """The setup on this machine: what trained on a GPU elsewhere is looked at without one."""
    if setup.device == "cuda" and not _has_cuda():
        return setup.model_copy(update={"device": "cpu"})
    return setup


def corpus_bytes(paths: tuple[str, ...]) -> int:
    """Bytes of the files that a run would read.

    Raises:
        ValueError: one of them does not exist, or holds no text.
    """
    total = 0
    for path in map(Path, paths):
        try:
            if not path.exists() and str(path) in DataConfig().paths:
                raise ValueError(
                    f"{path} does not exist; give --data a text file, a folder or JSONL, or make "
                    "one to try with: symbio-auto demo-data"
                )
            total += sum(file.stat().st_size for file in text_files(path))
        except OSError as error:
            raise ValueError(
                f"{path} cannot be read ({error.strerror}); give --data another"
            ) from error
    return total


def _shaped(model: ModelConfig, choice: Choice) -> ModelConfig:
    size = size_of(choice.name, model.backbone)
    named = size.model_dump(exclude={"batch"})
    given = {name: getattr(model, name) for name in model.model_fields_set}
    return ModelConfig.model_validate({**named, **given, "size": choice.name})


def _with_inner_width(model: ModelConfig, train: TrainConfig) -> ModelConfig:
    """The feed-forward as wide as asked, whether the activation has a gate or not.

    Raises:
        ValueError: a gated layer is not built in that width.
    """
    from state.genome import is_gated, parse
    from trainer.widths import inner_width

    genome, width = parse(train.activation), train.ffn_dim
    assert width is not None
    ungated = round(1.5 * width) if is_gated(genome) else width
    built = model.model_copy(update={"ffn_width": ungated})
    found = inner_width(built, genome)
    if found != width:
        raise ValueError(
            f"--ffn-dim {width} with {genome.formula}: widths of gated layers are multiples "
            f"of 8; give {found}"
        )
    return built


def _dropout(config: RunConfig, share: float) -> float:
    """As given, else by how often a model of this share of the budget passes over the text."""
    if "dropout" in config.model.model_fields_set:
        return config.model.dropout
    passes = passes_of(config, share * config.budget)
    assert passes is not None
    return next(rate for least, rate in DROPOUT_BY_PASSES if passes >= least)


def _vocabulary(manifest: "DatasetManifest") -> int | None:
    return manifest.vocab_size if manifest.tokenizer == "bpe" else None


def num_gpus() -> int:
    """GPUs that torch sees; call it where there is one."""
    import torch

    return torch.cuda.device_count()


def _has_cuda() -> bool:
    """Look for a driver before paying for torch's import."""
    if not Path("/proc/driver/nvidia").exists():
        return False
    import torch

    return torch.cuda.is_available()
