"""Wall time and bill of a run over 1, 2, 8 and 64 rented devices, on paper.

    python -m benchmarks.scaling_out --data historic.txt --save

The rows of tasks that wait for one another are those of `symbio-auto plan`, whose counts were .92
to 1.18 of the wall time of finished runs (docs/design/plan.md). What a device takes for a step was
never measured on a GPU: it is an assumption, like everything that `Assumed` holds. The ratio of
two rows hardly depends on it.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field, JsonValue

from benchmarks.recording import RESULTS, write_result
from deploy.cloud.offer import disk_usd_per_hour, price_of
from orchestrator.config import RunConfig
from orchestrator.planning.outline import PlannedPhase, planned_phases
from orchestrator.planning.rates import Rates, Speed
from orchestrator.planning.text import PreparedText, prepare_text
from orchestrator.planning.wall import CLOSING_SECONDS, TextSize, phase_seconds
from orchestrator.planning.workload import closing_workload, workloads
from orchestrator.resolve import corpus_bytes, resolve_data, resolve_shape
from orchestrator.settings import build_config, merge, nested
from state.base import Record
from state.genome import parse
from trainer.widths import num_parameters

DEVICES = (1, 2, 8, 64)
MACHINE = "g2-standard-4"
SEARCH = ("abiogenesis", "primordial", "cambrian", "oxidation")
"""After these a single host trains on one device."""
BYTES_A_PARAMETER = 12
"""Weights and two moments."""


class Assumed(Record):
    """Not measured here."""

    tokens_per_second: float = Field(default=60_000, gt=0)
    """Trained on, by an NVIDIA L4 in float32 at the original's size: a quarter of its 30 TFLOPS."""
    look_share: float = 1 / 3
    """Of a step's time that a look at as many held-out tokens takes: forward only."""
    checkpoint_bytes_per_second: float = 0.7e9
    """To store a checkpoint, or to carry it to another machine over 10 Gbit/s."""
    machine_seconds: float = 360.0
    """From the request to the first step: start, packages. Every machine takes it at once."""


class Measured(Record):
    """From benchmarks/results, on two cores."""

    first_step_seconds: float
    battery_seconds: float


def measured() -> Measured:
    """What the results say."""
    startup = json.loads((RESULTS / "startup.json").read_text(encoding="utf-8"))
    job = json.loads((RESULTS / "main-job.json").read_text(encoding="utf-8"))["runs"][0]
    return Measured(
        first_step_seconds=startup["medians"]["run, ray"]["step"],
        battery_seconds=job["share"]["battery"] * job["seconds"] / len(job["gates"]),
    )


class Row(Record):
    """One number of devices. US dollars by the dated list; disks included."""

    devices: int
    hours: float
    search_hours: float
    speed_up: float = 1.0
    usd: float
    usd_spot: float
    usd_released: float
    """On demand, where all machines but one go when the search is over."""


def resolved(config: RunConfig, folder: Path) -> tuple[RunConfig, PreparedText]:
    """The configuration of the run on its text."""
    num_bytes = corpus_bytes(config.data.paths)
    shape = resolve_shape(config, num_bytes).config
    text = prepare_text(shape.data, folder, shape.model.block, num_bytes, None)
    return resolve_data(shape, text.manifest), text


def rates_of(config: RunConfig, parameters: int, known: Measured, assumed: Assumed) -> Rates:
    """Of one device; a member and a host are both one model on one device."""
    tokens = config.optimizer.batch * config.model.block
    speed = Speed(
        step_seconds=tokens / assumed.tokens_per_second,
        spread=0.0,
        look_token_seconds=assumed.look_share / assumed.tokens_per_second,
    )
    stored = BYTES_A_PARAMETER * parameters
    return Rates(
        member=speed,
        single=speed,
        store_seconds=2 * stored / assumed.checkpoint_bytes_per_second,
        battery_seconds=known.battery_seconds,
        reference_seconds=0.0,
        start_seconds=known.first_step_seconds,
        checkpoint_bytes=stored,
        activation_bytes=0,
        worker_bytes=0,
        windows=config.optimizer.batch,
        busy=0.0,
    )


def row_of(
    devices: int,
    config: RunConfig,
    phases: list[PlannedPhase],
    rates: Rates,
    text: TextSize,
    assumed: Assumed,
) -> Row:
    """The longest row of tasks, priced."""
    work = [*workloads(config, phases, devices), closing_workload(config)]
    parts = {one.name: phase_seconds(one, rates, text).total for one in work}
    before = assumed.machine_seconds + rates.start_seconds
    search = before + sum(seconds for name, seconds in parts.items() if name in SEARCH)
    alone = CLOSING_SECONDS + sum(seconds for name, seconds in parts.items() if name not in SEARCH)
    hours, search_hours = (search + alone) / 3600, search / 3600
    prices = [
        price_of(MACHINE, spot=spot).usd_per_hour + disk_usd_per_hour(100) for spot in (False, True)
    ]
    return Row(
        devices=devices,
        hours=hours,
        search_hours=search_hours,
        usd=devices * hours * prices[0],
        usd_spot=devices * hours * prices[1],
        usd_released=prices[0] * (devices * search_hours + alone / 3600),
    )


def table(rows: list[Row]) -> str:
    """For a page."""
    lines = [
        "| devices | hours | of them search | times as fast | bill | Spot | all but one let go "
        "after the search |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.devices} | {row.hours:.2f} | {row.search_hours:.2f} | {row.speed_up:.2f} | "
            f"${row.usd:.2f} | ${row.usd_spot:.2f} | ${row.usd_released:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", required=True)
    parser.add_argument("--budget", type=int, default=50_000)
    parser.add_argument("--model", default="original")
    parser.add_argument("--tokens-per-second", type=float, default=60_000)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    assumed, known = Assumed(tokens_per_second=arguments.tokens_per_second), measured()
    given = merge(nested("data.paths", [arguments.data]), {"budget": arguments.budget})
    config = build_config({**given, "model_size": arguments.model}, environment={})
    with TemporaryDirectory() as folder:
        run, text = resolved(config, Path(folder))
    parameters = num_parameters(run.model, parse(run.first_formula))
    rates = rates_of(run, parameters, known, assumed)
    phases = planned_phases(run)
    rows = [row_of(one, run, phases, rates, text.size, assumed) for one in DEVICES]
    rows = [one.model_copy(update={"speed_up": rows[0].hours / one.hours}) for one in rows]
    print(table(rows))
    if arguments.save:
        figures: dict[str, JsonValue] = {
            "data": Path(arguments.data).name,
            "budget": arguments.budget,
            "model": arguments.model,
            "parameters": parameters,
            "machine": MACHINE,
            "measured": known.model_dump(mode="json"),
            "assumed": assumed.model_dump(mode="json"),
            "rows": [one.model_dump(mode="json") for one in rows],
        }
        print(write_result("scaling-out", figures))


if __name__ == "__main__":
    main()
