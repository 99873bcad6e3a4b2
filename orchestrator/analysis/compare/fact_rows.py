"""Which facts of runs stand side by side, in the order in which a reader asks for them."""

from collections.abc import Callable, Sequence

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.pairing import loss_of
from orchestrator.analysis.compare.table import Fact
from orchestrator.report.quantities import bpb, count, operations, seconds, times
from state.records import Evaluation

Cell = Callable[[RunFacts], str]


def facts_of(runs: Sequence[RunFacts]) -> list[Fact]:
    """Those that at least one run has; empty where a run has none."""
    found = [Fact(label, tuple(cell(run) for run in runs)) for label, cell in CELLS]
    return [fact for fact in found if any(fact.values)]


def _test(run: RunFacts) -> str:
    return bpb(run.test.bits_per_byte) if run.test else ""


def _search(run: RunFacts) -> str:
    return bpb(run.search.bits_per_byte) if run.search else ""


def _between(found: Evaluation | None) -> str:
    interval = loss_of(found.blocks).interval if found else None
    return _span(interval) if interval else ""


def _span(interval: Interval) -> str:
    return f"{bpb(interval.low)} to {bpb(interval.high)}"


def _baseline(value: float | None) -> str:
    return "" if value is None else bpb(value)


def _controls(run: RunFacts) -> str:
    return ", ".join(f"{name} {bpb(bits)}" for name, bits in run.controls)


def _battery(run: RunFacts) -> str:
    return f"{run.battery.composite:.3f}" if run.battery else ""


def _battery_between(run: RunFacts) -> str:
    between = run.battery.interval if run.battery else None
    return f"{between[0]:.3f} to {between[1]:.3f}" if between else ""


def _steps(run: RunFacts) -> str:
    """`2,000`, `816 of 2,000` where not all is spent, `2,000 + 2,000` with a control."""
    whole = f"{run.budget:,}"
    spent = whole if run.spent == run.budget else f"{run.spent:,} of {whole}"
    return f"{spent} + {run.control_spent:,}" if run.control_spent else spent


def _challengers(run: RunFacts) -> str:
    return f"{run.challengers:,} tried, {run.accepted:,} accepted" if run.challengers else "none"


def _corpus(run: RunFacts) -> str:
    """Size and the beginning of its hash: the path says nothing of the bytes."""
    return f"{run.manifest.num_bytes / 1e6:.2f} MB {run.manifest.sha256[:8]}"


def _splits(run: RunFacts) -> str:
    """The beginnings of the hashes of train, search and test text."""
    return " ".join(one.text_sha256[:6] for one in run.manifest.splits.values())


def _tokenizer(run: RunFacts) -> str:
    manifest = run.manifest
    return f"{manifest.tokenizer} {manifest.vocab_size:,} {manifest.tokenizer_sha256[:6]}"


def _opened(run: RunFacts) -> str:
    return times(run.test_openings)


CELLS: tuple[tuple[str, Cell], ...] = (
    ("status", lambda run: run.status),
    ("test bits per byte", _test),
    ("  95 % interval", lambda run: _between(run.test)),
    ("search bits per byte", _search),
    ("control", _controls),
    ("order-2 byte model", lambda run: _baseline(run.order2)),
    ("untrained", lambda run: _baseline(run.untrained)),
    ("battery", _battery),
    ("  95 % interval", _battery_between),
    ("formula", lambda run: run.formula or ""),
    ("challengers", _challengers),
    ("kind", lambda run: "one model" if run.mode == "train" else "six phases"),
    ("seed", lambda run: str(run.seed)),
    ("corpus", _corpus),
    ("train, search, test", _splits),
    ("tokenizer", _tokenizer),
    ("model", lambda run: run.shape),
    ("parameters", lambda run: "" if run.parameters is None else f"{run.parameters:,}"),
    ("steps", _steps),
    ("tokens", lambda run: count(run.tokens)),
    ("operations", lambda run: operations(run.flops)),
    ("device time", lambda run: seconds(run.device_seconds)),
    ("wall time", lambda run: seconds(run.wall_seconds)),
    ("device", lambda run: run.device),
    ("resumed", lambda run: times(run.resumed)),
    ("test opened", _opened),
)
