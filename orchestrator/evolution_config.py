"""How a run searches, and which parts of the search it may do without."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator

from state.base import Record
from state.detector_names import DETECTOR_NAMES
from state.nearest import quoted, suggestion

# Shorter ones are best with what starts fastest; docs/design/pays.md.
LONG_LINEAGE = 2000
OF_LONG_LINEAGES = ("gelu", "swiglu", "swiglu", "swiglu")


def _understood(texts: tuple[str, ...]) -> tuple[str, ...]:
    from state.genome import parse

    for text in texts:
        parse(text)
    return texts


Formulas = Annotated[tuple[str, ...], AfterValidator(_understood)]


class PartsConfig(Record):
    """What takes part, which is how its worth is measured. What a run leaves out costs nothing, but
    for steps that were reserved.
    """

    search: Literal["evolved", "random", "none"] = "evolved"
    """Challengers are children of the champion, and migrants; or genomes drawn at random, whatever
    was found before; or there are none, and the lineages train.
    """
    migration: bool = True
    """Lineages see each other's genomes, as migrants and as mates."""
    synchrony: bool = True
    """Lineages are coupled oscillators. Else none ever locks, and all are equally likely to send a
    migrant.
    """
    morph: bool = True
    """A new activation is blended in over half of the steps; else it is there at once."""
    noise_test: bool = True
    """A gain must exceed its noise, twice; else the largest one is taken, however small."""


class EvolutionConfig(Record):
    """How lineages compete and how gain is told from noise."""

    lineages: int = Field(default=3, ge=2, le=4)
    activation: Formulas = Field(default=("gelu",), min_length=1)
    """Formulas that the lineages begin with, given out in turn; one alone is that of all. Where
    none is given, lineages of `LONG_LINEAGE` steps or more begin with `OF_LONG_LINEAGES`.
    """
    min_generations: int = Field(default=3, ge=1)
    """Whole generations a search phase must hold, else it shrinks."""
    min_population: int = Field(default=4, ge=2, le=1024)
    min_steps_per_candidate: int = Field(default=10, ge=1)
    false_acceptance: float = Field(default=0.05, gt=0, lt=0.5)
    """Level of the noise test, shared among the challengers of a generation."""
    null_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of a search phase that its replicate pairs may cost."""
    max_null_pairs: int = Field(default=12, ge=2, le=1024)
    complexity_weight: float = Field(default=0.05, ge=0)
    """Fitness lost by each node more than the champion's, in sigmas of the noise."""
    cost_weight: float = Field(default=0.01, ge=0)
    """Fitness lost by each operation an element more than the champion's, in sigmas."""
    proposals: int = Field(default=4, ge=1, le=1024)
    """Genomes drawn for one place among the challengers; the diversity bonus chooses."""
    prune_margin: float = Field(default=0.1, gt=0)
    """In Oxidation a lineage this far (relative bits per byte) behind the best is pruned."""
    max_extensions: int = Field(default=2, ge=0)
    endosymbiosis_floor: float = Field(default=0.2, ge=0, lt=1)
    """Share of the budget that extensions and retries leave to Endosymbiosis."""
    num_dormant: int = Field(default=3, ge=1)
    fusion: bool = False
    """Draw each champion to the running mean of its own lineage, once a generation."""
    halving_steps: int = Field(default=100, ge=2)
    """From this many steps per candidate on, challengers are halved half way."""
    halving_factor: int = Field(default=3, ge=2)
    """One in so many goes on; 1 / eta of successive halving."""
    adaptive_operators: bool = True
    """Draw the operators by what became of their children, else evenly."""
    operator_floor: float = Field(default=0.04, ge=0, le=0.1)
    """Least share of the draws that any operator keeps."""
    evolve_fusion: bool = False
    """Of a backbone with two components: how they are fused is a gene beside the activation."""
    withheld: tuple[str, ...] = ()
    """Findings that are reported and not answered."""
    shift_shares: bool = True
    """Where Primordial ends, a run that is short of steps moves them from the lineages to the host.
    The preset `original` keeps its shares.
    """
    idle_after: int = Field(default=6, ge=0)
    """Challengers of Primordial, or as many as `idle_share` pays for, that end the search if none
    was accepted. 0 goes on. A run whose shares stay goes on too.
    """
    idle_share: float = Field(default=0.01, ge=0, le=1)
    """Of the budget, what challengers may cost before the search is in vain."""
    parts: PartsConfig = PartsConfig()

    @field_validator("activation", mode="before")
    @classmethod
    def _one_is_that_of_all(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    def for_lineages_of(self, steps: float) -> Self:
        """With first activations as given, else by how many steps a lineage trains."""
        if "activation" in self.model_fields_set or steps < LONG_LINEAGE:
            return self
        return self.model_copy(update={"activation": OF_LONG_LINEAGES})

    def first_activation(self, lineage: int) -> str:
        """Formula that the lineage of this index begins with."""
        return self.activation[lineage % len(self.activation)]

    @field_validator("withheld")
    @classmethod
    def _withheld_are_findings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in DETECTOR_NAMES:
                near = suggestion(name, DETECTOR_NAMES, verb="give some of")
                raise ValueError(f"{quoted(name)} is no finding; {near}")
        return names
