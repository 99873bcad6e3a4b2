"""The phase that is going on, and what is left of those that ended."""

from typing import Literal

from pydantic import Field

from orchestrator.phases import SearchFit
from orchestrator.run_state.models import LineageState
from state.base import Record
from state.records import Decision, Finding, PhaseName


class OscillatorState(Record):
    """Phases of the lineages between two generations, in lineage order."""

    phases: tuple[float, ...] = Field(min_length=1)
    """Radians, not wrapped."""
    coupling: float = Field(gt=0)
    """Critical coupling of the first search generation, at most 3: the unit of `coupling_ratio`."""
    history: tuple[tuple[float, ...], ...] = ()
    """Phases after each of the last generations, oldest first, at most 4."""


class PhaseSettings(Record):
    """What adaptation may change, within the phase's ranges."""

    mutation_rate: float = 0.0
    steps_per_candidate: int = 1
    population: int = 0
    max_depth: int = 5
    max_nodes: int = 12
    coupling: float = 1.0
    diversity_bonus: float = 0.0
    leaf_pool: int = 0
    """0: the leaves of the original; 1: all of them."""
    complexity_scale: float = 1.0
    """Multiplies what added nodes and operations must earn."""
    population_scale: float = 1.0
    """Multiplies the population that the phase was fitted with."""
    fusion_scale: float = 1.0
    """Multiplies the strength by which a champion is drawn to its lineage's mean."""
    random_members: int = 0
    """Challengers of each lineage drawn at random instead of from the champion, in the next
    generation.
    """
    lr_scale: float = 1.0
    clip_scale: float = 1.0
    dropout: float = 0.0


class PhaseState(Record):
    """The phase that is going on."""

    settings: PhaseSettings
    fit: SearchFit | None = None
    first_generation: int
    start_lineages: tuple[LineageState, ...] = ()
    """The lineages as the phase found them: what a retry goes back to."""
    start_oscillators: OscillatorState | None = None
    start_distance: float | None = None
    """Mean distance of the population in the phase's first generation."""
    null_differences: tuple[float, ...] = ()
    """Bits per byte between null pairs at this phase's steps per candidate."""
    replicate_differences: tuple[float, ...] = ()
    """Of gains on two batch orders, in bits per byte for a reach of 1 (`evolution.noise`)."""
    best_history: tuple[float, ...] = ()
    """Best search bits per byte of the phase so far, after each of its generations."""
    accepted_history: tuple[int, ...] = ()
    distance_history: tuple[float, ...] = ()
    draw_history: tuple[tuple[int, int], ...] = ()
    """(draws of something new, draws of what is known) of each generation that drew challengers."""
    num_challengers: int = 0
    """Challengers that the phase has had so far, drawn ones and migrants."""
    complex_history: tuple[tuple[float, float], ...] = ()
    """(gain in training loss, gain in search loss) in nats of each challenger with a large graph,
    over its continued champion.
    """
    transfer_history: tuple[tuple[int, int], ...] = ()
    """(challengers whose loss jumped at the switch, those of them that did not win it back)."""
    entropy_history: tuple[float, ...] = ()
    """Mean weight entropy of the lineages' running means after each generation, in nats."""
    cooldown_left: int = 0
    scale_cooldown_left: int = 0
    """Generations until the population may change its size again."""
    exhaustions: int = 0
    """Generations that found the search exhausted since that was answered."""
    extensions: int = 0
    retries: int = 0
    settled_before: int = 0
    """Steps of the phase that were spent before it was begun again."""
    findings: tuple[Finding, ...] = ()
    closing: bool = False
    """The search is over; the remainder of the budget trains the lineages."""
    failed_generations: int = 0
    """Generations in a row in which every champion failed."""


class Gate(Record):
    """The verdict at the end of a phase."""

    verdict: Literal["pass", "retry", "revert"]
    reason: str
    numbers: dict[str, float] = Field(default_factory=dict)
    """Deficit, low, high, level and slack; empty where there was nothing to compare with."""


class PhaseSummary(Record):
    """What is left of a finished phase."""

    name: PhaseName
    steps: int
    generations: int
    first_generation: int | None = None
    """None in a run that an older version began."""
    bits_per_byte: float | None
    battery: float | None
    gate: Gate
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    note: str = ""


class Regime(Record):
    """What the run is short of, found where Primordial ends."""

    kind: Literal["compute_limited", "overfit_limited"]
    passes: float = Field(gt=0)
    """Over the train split, of one model that had the whole budget."""
    gap_growth: float | None = None
    """By how much search less training loss grew between the halves of the phase, in nats per
    token, mean of the lineages; None where too little was measured.
    """
    tried_in_vain: int = 0
    """Challengers that ended the search, as none was accepted; 0 where it goes on."""
