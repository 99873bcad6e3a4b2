"""What the controller takes for a generation, and whether that grows with those before it."""

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from benchmarks.overhead_clock import Mark, recorded
from orchestrator.battery_config import BatteryConfig
from orchestrator.config import EngineConfig, HostConfig, RunConfig
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.phases import SIX_PHASES
from orchestrator.preparation import prepare_run
from orchestrator.session import execute
from orchestrator.student import t_quantile
from trainer.config import DataConfig, ModelConfig, OptimizerConfig
from trainer.demo_corpus import write_demo_corpus

SHARES = {
    "abiogenesis": 1,
    "primordial": 2,
    "cambrian": 90,
    "oxidation": 3,
    "endosymbiosis": 2,
    "homeostasis": 2,
}
"""Nearly all of the budget goes to one phase, so that its histories become long."""
STEPS_A_GENERATION = 12
"""More than enough: of one step are the champions of two lineages, four challengers, null twins
and confirmations.
"""
WARMED_UP = 4
"""Generations at the beginning that import what later ones have."""
LEVEL = 0.95


def growth(generations: int) -> dict[str, JsonValue]:
    """A real run of at least so many generations, each of one step a member.

    The time is that of the controlling thread, so neither training nor a disk counts. It is taken
    to be linear in the generation's number and its tasks; a slope is in microseconds a generation
    for each generation before it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        prepared = prepare_run(small_config(Path(temporary), generations))
        with recorded() as timeline:
            execute(prepared, started_at=time.monotonic())
    marks = [one for one in timeline.marks if one.stage == "generation" and one.num_tasks > 1]
    marks = marks[WARMED_UP:]
    if len(marks) < generations // 2:
        raise RuntimeError(f"{len(marks)} generations; make the budget larger")
    numbers = np.array([one.generation for one in marks], dtype=np.float64)
    values = np.array([1e3 * one.cpu_seconds for one in marks])
    tasks = np.array([one.num_tasks for one in marks], dtype=np.float64)
    slope, error = _slope(numbers, tasks, values)
    quantile = t_quantile((1 + LEVEL) / 2, len(marks) - 3)
    return {
        "generations": len(marks),
        "controller_ms": round(median(values.tolist()), 2),
        "controller_ms_by_third": [round(median(part), 2) for part in _thirds(marks)],
        "slope_us": round(1e3 * slope, 2),
        "slope_interval_us": [
            round(1e3 * (slope - quantile * error), 2),
            round(1e3 * (slope + quantile * error), 2),
        ],
        "level": LEVEL,
    }


def small_config(folder: Path, generations: int) -> RunConfig:
    """Six phases of the smallest model, with a step a member and nothing that ends them early."""
    corpus = folder / "corpus.txt"
    write_demo_corpus(corpus, 20_000)
    phases = tuple(
        phase.model_copy(
            update={
                "share": SHARES[phase.name],
                "steps_per_candidate": 1,
                "population": 6 if phase.kind == "search" else 0,
                "scale_range": (1.0, 1.0),
            }
        )
        for phase in SIX_PHASES
    )
    return RunConfig(
        budget=STEPS_A_GENERATION * generations,
        run_dir=str(folder / "run"),
        phases=phases,
        data=DataConfig(paths=(str(corpus),), tokenizer="byte", search_bytes=1000, test_bytes=1000),
        model=ModelConfig(dim=8, heads=2, layers=1, block=32),
        optimizer=OptimizerConfig(batch=2),
        evolution=EvolutionConfig(lineages=2, min_steps_per_candidate=1, shift_shares=False),
        host=HostConfig(chunks_per_phase=2),
        battery=BatteryConfig(prompts=1, temperatures=(0.8,), max_new_tokens=4),
        engine=EngineConfig(engine="inline", device="cpu", workers=1, host_threads=1),
    )


def _slope(
    numbers: NDArray[np.float64], tasks: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[float, float]:
    """Least squares in number and tasks: the slope in the number, and its standard error."""
    terms = np.stack([np.ones_like(numbers), numbers, tasks], axis=1)
    inverse = np.linalg.pinv(terms.T @ terms)
    found = inverse @ terms.T @ values
    rests = values - terms @ found
    variance = float(rests @ rests) / (len(values) - terms.shape[1])
    return float(found[1]), float(np.sqrt(variance * inverse[1, 1]))


def _thirds(marks: list[Mark]) -> list[list[float]]:
    third = len(marks) // 3
    parts = (marks[:third], marks[third : 2 * third], marks[2 * third :])
    return [[1e3 * one.cpu_seconds for one in part] for part in parts]
