"""The configuration of a run: every package's own configuration, and the orchestrator's.

Imports no torch, so that a wrong value is refused before anything slow is loaded.
"""

from typing import Annotated, Literal, assert_never

from pydantic import Field, field_validator, model_validator

from orchestrator.battery_config import BatteryConfig
from orchestrator.evolution_config import EvolutionConfig, Formulas
from orchestrator.fusable import require_fusable
from orchestrator.gate_config import GateConfig
from orchestrator.train_config import TrainConfig
from orchestrator.validation_config import ValidationConfig
from state.base import Record
from trainer.config import DataConfig, ModelConfig, OptimizerConfig

SearchPhaseName = Literal["primordial", "cambrian", "oxidation"]


class PhaseConfig(Record):
    """One phase as data. Search phases alone use the fields from `population` on."""

    name: Literal[
        "abiogenesis",
        "primordial",
        "cambrian",
        "oxidation",
        "endosymbiosis",
        "homeostasis",
        "training",
    ]
    kind: Literal["reference", "search", "host", "single"]
    share: int = Field(ge=0, le=100)
    """Percent of the budget."""
    population: int = Field(default=0, ge=0, le=1024)
    """Members of a generation: the champions of the lineages and their challengers."""
    steps_per_candidate: int = Field(default=20, ge=1, le=100_000)
    mutation_rate: float = Field(default=0.5, ge=0, le=1)
    """Share of the challengers made by mutation or crossover; the others are migrants."""
    mutation_range: tuple[float, float] = (0.0, 1.0)
    max_depth: int = Field(default=5, ge=1, le=64)
    max_nodes: int = Field(default=12, ge=1, le=64)
    coupling: float = Field(default=1.0, ge=0)
    """Kuramoto coupling in units of the critical coupling."""
    diversity_bonus: float = Field(default=0.0, ge=0)
    """Weight of the distance to the nearest known genome when challengers are drawn."""
    cooldown: int = Field(default=8, ge=1)
    """Generations between two adaptations, and between two changes of the population's size."""
    scale_range: tuple[float, float] = (1.0, 1.0)
    """Bounds of the factor by which the population may grow or shrink."""
    scale_step: float = Field(default=0.1, ge=0, le=1)
    fusion: tuple[float, float] = (0.0, 0.0)
    """Strength of fusion at r = 0 and at r = 1."""
    fusion_rate: float = Field(default=0.01, gt=0, le=1)
    """Rate of the lineage's running mean, a generation."""


class HostConfig(Record):
    """Endosymbiosis and Homeostasis: one model, the rest of the budget."""

    ensemble_gain_floor: float = Field(default=0.01, ge=0)
    """Bits per byte the averaged ensemble must gain, else nothing is distilled."""
    distil_weight: float = Field(default=0.5, ge=0, le=1)
    """Weight of KL(mean of the symbionts || host) when the ensemble pays."""
    last_distil_weight: float = Field(default=0.65, ge=0, le=1)
    """The same in Homeostasis, where the symbionts teach from a table."""
    teach_from_passes: float = Field(default=5.0, ge=0)
    """Passes over the train split that the host must have left, else it is not taught."""
    table_gb: float = Field(default=1.0, ge=0)
    """Memory for what the symbionts say of the whole train split, read once; where that is too
    little, or more than the host itself will read, they read every batch of the host.
    """
    rewarm: float = Field(default=0.05, ge=0, lt=1)
    """Share of the host's steps over which the learning rate rises again."""
    decay_from: float = Field(default=0.2, ge=0, lt=1)
    """Share of the host's steps after which the rate falls linearly to zero."""
    mean_horizon: float = Field(default=0.06, ge=0, lt=1)
    """Share of the host's steps over which a running mean of its weights looks back; the better of
    weights and mean is kept. 0 keeps no mean, and the recipe `classic` never does.
    """
    chunks_per_phase: int = Field(default=8, ge=1)
    control_dropout: float | None = Field(default=None, ge=0, lt=1)
    """Dropout of the baselines, which train longest; None takes the model's."""
    untaught_dropout: float | None = Field(default=None, ge=0, lt=1)
    """Dropout of a host that nobody teaches; a taught one takes the model's, and so does None."""
    eval_interval: int = Field(default=200, ge=1)
    """Steps between evaluations at most; small phases evaluate `chunks_per_phase` times."""


class EngineConfig(Record):
    """Where the members train."""

    engine: Literal["ray", "inline"] = "ray"
    workers: int | None = Field(default=None, ge=1, le=1024)
    """Device slots; None takes one a physical core."""
    host_threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads of a single host; None takes every core. Part of what fixes the bits."""
    cuda_graphs: bool = False
    """On CUDA: record the launches of a stack's step and replay them as one."""
    device_index: int = Field(default=0, ge=0)
    """On CUDA, with one process: which of the GPUs that it sees."""
    host_devices: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = 1
    """Devices of this machine that a host's batches are spread over; part of what fixes the bits.
    auto: every GPU, as far as they divide the batch.
    """
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the products; auto: bfloat16 on CUDA, float32 on a CPU."""
    stack: int | None = Field(default=None, ge=0, le=256)
    """Most members that train as one batched program; 0: each by itself. None takes 16 on CUDA,
    and none on a CPU.
    """
    ray_address: str = "local"
    deterministic: bool = False
    """On CUDA: kernels that give the same bits every time. Those of the CPU always do."""

    @property
    def repeats(self) -> bool:
        """The same task gives the same bits every time."""
        return self.deterministic or self.device == "cpu"


class RunConfig(Record):
    """Everything a run depends on. `None` values are resolved and saved before it starts."""

    mode: Literal["phases", "train"] = "phases"
    """The six phases, or one model trained straight."""
    budget: int = Field(default=50_000, le=10**12)
    """Member-steps, over all members and phases."""
    seed: int = Field(default=0, ge=0)
    run_dir: str = "runs/symbio-auto"
    preset: Literal["default", "original"] = "default"
    model_size: str = "auto"
    control: Formulas = ()
    """Formulas trained straight with the same budget, beside it."""
    keep_gb: float = Field(default=1.0, ge=0)
    """Gigabytes of weights of older generations that stay on disk, to go back to."""
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    evolution: EvolutionConfig = EvolutionConfig()
    phases: tuple[PhaseConfig, ...] = ()
    """Empty means the six phases of `orchestrator.phases`."""
    host: HostConfig = HostConfig()
    gate: GateConfig = GateConfig()
    validation: ValidationConfig | None = None
    """None asks no validation gate, as in runs of older versions."""
    battery: BatteryConfig = BatteryConfig()
    engine: EngineConfig = EngineConfig()
    train: TrainConfig = TrainConfig()
    """Of the mode `train` alone."""

    @property
    def first_formula(self) -> str:
        """What the first model of the run begins with."""
        return self.train.activation if self.mode == "train" else self.evolution.first_activation(0)

    @property
    def step_tokens(self) -> int:
        """Tokens of one step."""
        return self.optimizer.batch * self.model.block

    @model_validator(mode="after")
    def _fits_its_mode(self) -> "RunConfig":
        match self.mode:
            case "phases":
                self._require_six_phases()
            case "train":
                self._require_one_model()
            case _:
                assert_never(self.mode)
        formulas = (*self.evolution.activation, self.train.activation, *self.control)
        require_fusable(self.model.backbone, formulas, evolves=self.evolution.evolve_fusion)
        return self

    def _require_six_phases(self) -> None:
        if self.budget < MINIMUM_BUDGET:
            raise ValueError(
                f"budget of {self.budget} steps cannot reach all six phases; "
                f"give --budget {MINIMUM_BUDGET} or more"
            )
        if self.train != TrainConfig():
            raise ValueError("train belongs to symbio-auto train; leave it out of the six phases")
        if not self.data.has_test:
            raise ValueError(
                "data.split leaves no test split, and the six phases end with one; "
                "give contiguous:A,B,C with C above 0"
            )

    def _require_one_model(self) -> None:
        if self.budget < 1:
            raise ValueError(f"{self.budget} steps train nothing; give --iters 1 or more")
        self.train.challenge.require_room(self.budget)
        if self.evolution.evolve_fusion:
            raise ValueError("evolution.evolve_fusion needs a population; leave it out of train")
        if self.phases or self.control:
            name = "phases" if self.phases else "control"
            raise ValueError(f"{name} belongs to the six phases; leave it out of symbio-auto train")

    @field_validator("run_dir")
    @classmethod
    def _run_dir_is_a_path(cls, path: str) -> str:
        if not path or any(len(part.encode()) > MAX_NAME_BYTES for part in path.split("/")):
            raise ValueError(f"give a path whose names have 1 to {MAX_NAME_BYTES} bytes")
        return path

    @field_validator("phases")
    @classmethod
    def _phases_are_the_six(cls, phases: tuple[PhaseConfig, ...]) -> tuple[PhaseConfig, ...]:
        if not phases:
            return phases
        if tuple((phase.name, phase.kind) for phase in phases) != KINDS:
            wanted = ", ".join(f"{name} ({kind})" for name, kind in KINDS)
            raise ValueError(f"give all six in this order, or none: {wanted}")
        if sum(phase.share for phase in phases) != 100 or not all(one.share for one in phases):
            shares = " + ".join(str(phase.share) for phase in phases)
            raise ValueError(f"the shares {shares} must be above 0 and add up to 100; change them")
        return phases


MINIMUM_BUDGET = 60
MAX_NAME_BYTES = 255
KINDS = (
    ("abiogenesis", "reference"),
    ("primordial", "search"),
    ("cambrian", "search"),
    ("oxidation", "search"),
    ("endosymbiosis", "host"),
    ("homeostasis", "host"),
)
