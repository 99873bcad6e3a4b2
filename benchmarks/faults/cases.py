"""What is planted, in which phase, and how the run is set up for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from benchmarks.faults.inject import (
    FarChildren,
    Fault,
    FewWindows,
    LargeChildren,
    MixedWeights,
    NearChildren,
    Pull,
    Rate,
    Slow,
)
from orchestrator.adaptation import RESPONSES
from orchestrator.config import RunConfig
from orchestrator.phases import SIX_PHASES
from state.detector_names import DETECTOR_NAMES
from state.records import PhaseName

Settings = Mapping[str, JsonValue]

Arm = Literal["all", "own", "none"]
"""Findings that are answered: all of them, the case's own alone, or none."""

SHARE = 88
"""Percent of the budget that the watched phase has."""


@dataclass(frozen=True)
class Case:
    """A fault, and what is to be found of it; without a finding the run is healthy."""

    name: str
    finding: str | None
    """Or the event, where it follows from the clock."""
    faults: tuple[Fault, ...] = ()
    planted: int = 0
    """First generation of the phase, or chunk, with the faults."""
    from_best: bool = False
    """The fault grows on its own: its delay counts from the best generation before the finding."""
    phase: PhaseName = "cambrian"
    budget: int = 1800
    corpus_bytes: int | None = None
    """The text ends after so many bytes."""
    search: Settings = field(default_factory=dict)
    """Settings of the watched search phase that differ."""
    parts: Mapping[str, Settings] = field(default_factory=dict)
    """Settings of the parts of the run that differ."""

    @property
    def key(self) -> str:
        """Its name in file names."""
        return re.sub("[^a-z0-9]+", "-", self.name)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """How it is run: a healthy run as it comes, a fault with and without its answer."""
        if self.finding is None:
            return ("all",)
        return ("own", "none") if self.finding in RESPONSES else ("own",)


AT_REST = (Rate(1e-4), FarChildren())
"""Children lie far apart, so that the search is not taken for converged and goes on."""
CASES = (
    Case("healthy search", None, budget=2400),
    Case("healthy search with fusion", None, parts={"evolution": {"fusion": True}}),
    Case("healthy host", None, phase="endosymbiosis", budget=1400),
    Case(
        "20 kB read again and again",
        "host_overfitting",
        from_best=True,
        phase="endosymbiosis",
        budget=1400,
        corpus_bytes=20_000,
        parts={
            "data": {"search_fraction": 0.3},
            "model": {"dim": 64, "layers": 2, "dropout": 0.0},
            "host": {"decay_from": 0.8},
        },
    ),
    Case(
        "lineages read one page",
        "lineage_overfitting",
        faults=(FewWindows(2000),),
        planted=4,
    ),
    Case(
        "challengers read few windows",
        "memorisation",
        faults=(FewWindows(256, roles=("challenger",)),),
        planted=4,
    ),
    Case("children like their parents", "collapse", faults=(NearChildren(),), planted=4),
    Case(
        "fusion far too strong",
        "fusion_trap",
        faults=(Pull(40.0),),
        planted=4,
        search={"fusion": [0.015, 0.015]},
        parts={"evolution": {"fusion": True}},
    ),
    Case(
        "large graphs read few windows",
        "complexity",
        faults=(LargeChildren(7), FewWindows(1000, roles=("challenger",), nodes=7)),
        planted=4,
    ),
    Case("weights mixed up at a switch", "transfer", faults=(MixedWeights(),), planted=4),
    Case(
        "learning rate 40 times too high",
        "instability",
        faults=(Rate(40.0),),
        planted=4,
        parts={"optimizer": {"spike_threshold": 2.0}, "model": {"recipe": "classic"}},
    ),
    Case("learning rate near zero", "stagnation", faults=AT_REST, planted=4),
    Case("graphs of one node", "exhaustion", search={"max_depth": 1, "max_nodes": 1}),
    Case("at rest, and children lie far apart", "punctuated", faults=AT_REST, planted=4),
    Case("lineages at rest together", "consensus_stagnation", faults=AT_REST, planted=4),
    Case(
        "steps of .05 s more", "throughput_collapse", faults=(Slow(0.05),), planted=4, budget=1200
    ),
    Case("steps of .1 s more", "phase_slow", faults=(Slow(0.1),), planted=0, budget=1200),
)
"""One fault has three findings: at rest a search stagnates, its lineages lock, and it waits."""


def configuration(case: Case, corpus: Path, folder: Path, seed: int, arm: Arm) -> RunConfig:
    """A small model; nearly all of the budget is for the phase that is watched."""
    withheld = [name for name in DETECTOR_NAMES if arm == "none" or name != case.finding]
    withheld = [] if arm == "all" else withheld
    parts: dict[str, dict[str, JsonValue]] = {
        "data": {
            "paths": [str(corpus)],
            "domain": "text",
            "vocab_size": 320,
            "search_bytes": 4000,
            "test_bytes": 1000,
        },
        "model": {"dim": 32, "heads": 2, "layers": 1, "block": 32},
        "optimizer": {"batch": 8, "warmup": 20},
        "battery": {"prompts": 1, "temperatures": [0.8], "max_new_tokens": 4},
        "engine": {"engine": "inline", "device": "cpu", "workers": 1, "host_threads": 1},
        "evolution": {
            "activation": "gelu",
            "lineages": 2,
            "max_extensions": 0,
            "max_null_pairs": 6,
            "shift_shares": False,
            "withheld": list(withheld),
        },
        "host": {"chunks_per_phase": 30, "distil_weight": 0.0},
    }
    for name, changes in case.parts.items():
        parts[name] |= changes
    return RunConfig.model_validate(
        {
            "budget": case.budget,
            "seed": seed,
            "run_dir": str(folder),
            "phases": [_phase(case, one.model_dump()) for one in SIX_PHASES],
            **parts,
        }
    )


def _phase(case: Case, phase: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A product's phase, shorter: six members of 20 steps, and answers every third generation."""
    if phase["name"] != case.phase:
        few = {"share": 4 if phase["name"] == "abiogenesis" else 2}
        return phase | few
    return phase | {"share": SHARE} | _short(phase) | dict(case.search)


def _short(phase: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if phase["kind"] != "search":
        return {}
    return {"population": 6, "steps_per_candidate": 20, "cooldown": 3}
