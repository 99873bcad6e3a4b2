"""What a comparison reads of one run: its commit, its manifest and the last battery in its store.

Nothing is evaluated and no test text is opened: the commit of a finished run keeps the test loss of
each stretch of the text.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from orchestrator import ledger as books
from orchestrator.analysis.compare.settings_diff import flattened
from orchestrator.commits import Saved, restore
from orchestrator.report.wording import counted
from orchestrator.run_state import Dormant, best_model
from state.base import Record
from state.commit import CommitRecord, load_commit
from state.metrics_store import MetricsStore
from state.records import BatteryReport, Evaluation, Split
from state.run_folder import RunFolder
from trainer.manifest import DatasetManifest, read_manifest

MAX_RUNS = 24


class RunFacts(Record):
    """One run as it stands; None where it has not measured something yet."""

    name: str
    """The end of its path, as much as tells it from the others."""
    folder: str
    run_id: str
    mode: str
    status: str
    finished: bool
    seed: int
    resumed: int
    phase: str
    manifest: DatasetManifest
    shape: str
    parameters: int | None
    device: str
    budget: int
    spent: int
    control_spent: int = 0
    """By the baselines, outside the budget."""
    tokens: int
    flops: float
    """Training and evaluation."""
    device_seconds: float
    wall_seconds: float
    formula: str | None
    """Of the best model."""
    search: Evaluation | None
    """Of the best model."""
    test: Evaluation | None
    untrained: float | None
    order2: float | None
    controls: tuple[tuple[str, float], ...] = ()
    """On the same split as `untrained` and `order2`: test where there is one."""
    battery: BatteryReport | None = None
    challengers: int = 0
    accepted: int = 0
    test_openings: int = 0
    settings: dict[str, JsonValue]
    """The resolved configuration by dotted names."""

    def text_sha256(self, split: Split) -> str | None:
        """Of the split's text; None where the run has no such split."""
        found = self.manifest.splits.get(split)
        return found.text_sha256 if found else None


def load_facts(paths: Sequence[Path]) -> list[RunFacts]:
    """The runs in the order in which they are named.

    Raises:
        ValueError: there are too few or too many, one is named twice, or one is no run.
    """
    if not 2 <= len(paths) <= MAX_RUNS:
        raise ValueError(f"{counted(len(paths), 'run')} cannot be compared; name 2 to {MAX_RUNS}")
    folders = [RunFolder.from_argument(path) for path in paths]
    roots = [folder.root.resolve() for folder in folders]
    for index, root in enumerate(roots):
        if root in roots[:index]:
            raise ValueError(f"{paths[index]} is named twice; name each run once")
    names = short_names(roots)
    return [_facts(folder, name) for folder, name in zip(folders, names, strict=True)]


def short_names(roots: Sequence[Path]) -> list[str]:
    """The last parts of each path, as few as tell all of them apart."""
    most = max(len(root.parts) for root in roots)
    for count in range(1, most + 1):
        names = ["/".join(root.parts[-count:]) for root in roots]
        if len(set(names)) == len(names):
            return names
    return [str(root) for root in roots]


def _facts(folder: RunFolder, name: str) -> RunFacts:
    record = load_commit(folder, verify_objects=False).record
    saved = restore(record)
    state, config, ledger = saved.run, saved.config, saved.run.ledger
    best, final = _best(saved), state.final
    return RunFacts(
        name=name,
        folder=str(folder.root),
        run_id=state.run_id,
        mode=config.mode,
        status=_status(record),
        finished=state.status == "finished",
        seed=config.seed,
        resumed=state.resumed_count,
        phase=str(record.summary.get("phase")),
        manifest=read_manifest(folder.data),
        shape=_shape(saved),
        parameters=_parameters(saved, best),
        device=f"{config.engine.device} {config.engine.dtype}",
        budget=ledger.budget,
        spent=books.spent(ledger),
        control_spent=sum(line.settled for line in ledger.control),
        tokens=ledger.tokens,
        flops=ledger.training_flops + ledger.evaluation_flops,
        device_seconds=saved.telemetry.device_seconds,
        wall_seconds=saved.telemetry.wall_seconds,
        formula=best.genome.formula if best else None,
        search=final.search if final else best.evaluation if best else None,
        test=final.test if final else None,
        untrained=final.untrained.bits_per_byte if final else None,
        order2=final.order2_bits_per_byte if final else None,
        controls=final.controls if final else (),
        battery=_battery(folder, state.run_id, best),
        challengers=state.counts.evaluated,
        accepted=state.counts.accepted,
        test_openings=state.test_openings,
        settings=flattened(config.model_dump(mode="json")),
    )


def _best(saved: Saved) -> Dormant | None:
    try:
        return best_model(saved.run)
    except ValueError:
        return None


def _status(record: CommitRecord) -> str:
    found = record.summary
    if found.get("status") == "finished":
        return "finished"
    return f"in {found.get('phase')}, generation {found.get('generation')}"


def _shape(saved: Saved) -> str:
    model = saved.config.model
    return (
        f"{model.size}: {model.layers} layers, {model.dim} wide, {model.heads} heads, "
        f"block {model.block}, {model.recipe} {model.backbone}"
    )


def _parameters(saved: Saved, best: Dormant | None) -> int | None:
    from trainer.widths import num_parameters

    return num_parameters(saved.config.model, best.genome) if best else None


def _battery(folder: RunFolder, run_id: str, best: Dormant | None) -> BatteryReport | None:
    """The last one that the run took; without a store that can be read, the best model's own."""
    with (
        suppress(ValueError),
        MetricsStore.open(folder.metrics_db, writer=False) as store,
    ):
        found = store.batteries(run_id)
        if found:
            return found[-1]
    return best.battery if best else None
