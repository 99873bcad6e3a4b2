"""Configuration of the data, the model and the optimizer. Imports no torch."""

from math import isclose
from typing import Literal

from pydantic import Field, field_validator, model_validator

from state.base import Record
from state.nearest import suggestion
from trainer.backbones.names import MIXINGS, Backbone
from trainer.instruments.config import SymbioConfig

Domain = Literal["chat", "text"]
TokenizerKind = Literal["byte", "char", "bpe"]
Recipe = Literal["modern", "classic"]
SPLIT_NAMES = ("auto", "document", "block", "contiguous")


class Contiguous(Record):
    """Shares of the text in its own order: train, then search, then test."""

    train: float = Field(gt=0, lt=1)
    search: float = Field(gt=0, lt=1)
    test: float = Field(ge=0, lt=1)
    """0: there is no test split."""

    @model_validator(mode="after")
    def _shares_fill_the_text(self) -> "Contiguous":
        total = self.train + self.search + self.test
        if not isclose(total, 1):
            raise ValueError(
                f"contiguous:{self.train},{self.search},{self.test} adds up to {total:g}, "
                "not to 1; give three shares such as contiguous:0.8,0.1,0.1"
            )
        return self

    @classmethod
    def parse(cls, text: str) -> "Contiguous":
        """Read `contiguous:A,B,C`.

        Raises:
            ValueError: it is not of that form.
        """
        name, _, rest = text.partition(":")
        try:
            shares = [float(share) for share in rest.split(",")]
        except ValueError:
            shares = []
        if name != "contiguous" or len(shares) != 3:
            near = suggestion(name, SPLIT_NAMES, verb="give one of")
            raise ValueError(f"{near}; contiguous:A,B,C takes shares of the text")
        return cls(train=shares[0], search=shares[1], test=shares[2])


class DataConfig(Record):
    """Where the text comes from and how it is cut."""

    paths: tuple[str, ...] = ("data/historic.txt",)
    """Files, folders or JSONL files with a text field, read in this order."""
    domain: Domain | None = None
    """None detects it: chat where documents end in <|end_of_text|>."""
    tokenizer: TokenizerKind = "bpe"
    vocab_size: int | None = Field(default=None, ge=264, le=65536)
    """BPE only; None sizes it by the train split."""
    split: Literal["auto", "document", "block"] | Contiguous = "auto"
    """What is dealt out to train, search and test: documents, blocks of the running text, or the
    text's own parts. `auto` takes documents and cuts the long ones into blocks. The fractions
    and limits below hold for all but contiguous parts.
    """
    search_fraction: float = Field(default=0.1, gt=0, lt=0.5)
    test_fraction: float = Field(default=0.1, gt=0, lt=0.5)
    search_bytes: int = Field(default=60_000, ge=1000)
    """Most text held out for decisions; every member of every generation is measured on it."""
    test_bytes: int = Field(default=1_000_000, ge=1000)
    """Most text held out for the final report."""
    train_tokens: int | None = Field(default=None, ge=1)
    """Of the train split; what is given is replaced when the data are prepared."""

    @field_validator("split", mode="before")
    @classmethod
    def _parts_by_their_short_form(cls, value: object) -> object:
        if isinstance(value, str) and value not in {"auto", "document", "block"}:
            return Contiguous.parse(value)
        return value

    @property
    def has_test(self) -> bool:
        """Whether text is held out for the final report."""
        return not isinstance(self.split, Contiguous) or self.split.test > 0


class ModelConfig(Record):
    """Shape and recipe of the decoder. Parameters depend on the genome too (gated or not)."""

    size: str = "tiny"
    """Name of the size these numbers came from."""
    backbone: Backbone = "gpt"
    """What mixes positions in a block."""
    attention_every: int | None = Field(default=None, ge=2)
    """Every so many layers of a recurrent backbone one has attention; None: none has."""
    stateful: bool = False
    """States of a recurrent backbone are handed from one window of the text to the next, in
    training, where gradients end at the window, and in evaluation; a document begins with empty
    ones.
    """
    learned_state: bool = False
    """A document begins with states of the recurrent components that are trained, not with empty
    ones.
    """
    recipe: Recipe = "modern"
    dim: int = Field(default=64, ge=8, le=8192)
    heads: int = Field(default=4, ge=1)
    layers: int = Field(default=4, ge=1, le=256)
    block: int = Field(default=128, ge=8, le=65536)
    """Context length in tokens."""
    vocab_size: int = Field(default=512, ge=2)
    ffn_width: int | None = Field(default=None, ge=2)
    """Inner width of the ungated feed-forward; None means 4 * dim."""
    tied_head: bool = True
    dropout: float = Field(default=0.0, ge=0, lt=1)
    logit_softcap: float | None = Field(default=15.0, gt=0)
    """`modern` only: logits are cap * tanh(logits / cap)."""

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> "ModelConfig":
        if self.dim % self.heads or (self.dim // self.heads) % 2:
            raise ValueError(
                f"dim {self.dim} cannot be cut into {self.heads} heads of even width; "
                "choose --heads so that dim / heads is even"
            )
        return self

    @field_validator("backbone", mode="before")
    @classmethod
    def _backbone_in_any_case(cls, name: object) -> object:
        return name.lower() if isinstance(name, str) else name

    @model_validator(mode="after")
    def _states_are_there(self) -> "ModelConfig":
        recurrent = bool(MIXINGS[self.backbone].components)
        if self.attention_every is not None and not recurrent:
            raise ValueError(
                "attention_every belongs to a recurrent backbone, and gpt has nothing but "
                "attention; leave it out"
            )
        if self.learned_state and not recurrent:
            raise ValueError(
                "learned_state belongs to a recurrent backbone, and gpt has no states; leave it out"
            )
        if self.stateful and (not recurrent or self.attention_every is not None):
            raise ValueError(
                "--stateful hands on states, and attention has none; give a recurrent --backbone "
                "such as gf-mh, without attention_every"
            )
        return self

    def has_attention(self, layer: int) -> bool:
        """Whether that layer, from 0, mixes positions by attention."""
        if not MIXINGS[self.backbone].components:
            return True
        return self.attention_every is not None and (layer + 1) % self.attention_every == 0

    @property
    def ungated_width(self) -> int:
        """Inner width of a feed-forward without a gate."""
        return self.ffn_width or 4 * self.dim


class OptimizerConfig(Record):
    """Muon for the matrices with AdamW for the rest (`modern`), AdamW alone (`classic`)."""

    batch: int = Field(default=16, ge=1, le=65536)
    """Windows in a batch."""
    lr: float = Field(default=6e-3, gt=0)
    """Peak learning rate of AdamW."""
    muon: bool = True
    """`modern` only: Muon moves the hidden matrices; else AdamW moves everything."""
    muon_lr: float = Field(default=0.04, gt=0)
    """Peak learning rate of Muon; scaled with `lr` when only `lr` is given."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    grad_clip: float = Field(default=1.0, gt=0)
    """Global gradient norm above which the gradient is scaled down."""
    spike_threshold: float | None = Field(default=None, gt=0)
    """Gradient norm above which a step is skipped; None never skips for its size."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    rwkv6_rate: float = Field(default=1.0, gt=0, le=100)
    """Factor of both learning rates for RWKV-6 in a recurrent backbone."""
    mamba2_rate: float = Field(default=1.0, gt=0, le=100)
    """The same for Mamba-2."""
    maps_rate: float = Field(default=1 / 64, gt=0, le=100)
    """Factor of AdamW's rate, beside Muon, for the low-rank maps, steps and gates of recurrent
    blocks: it steps alike in every element, so that these move by the number of their inputs.
    """
    first_length: int | None = Field(default=None, ge=2)
    """Tokens that are read in one go at the first step; the length doubles until it is the block.
    The windows are cut, so a step has as many tokens as ever. None: whole windows from the start.
    """
    length_steps: int | None = Field(default=None, ge=1)
    """Age in steps from which the windows are whole; None: four times the warm-up."""
    warmup: int | None = Field(default=None, ge=0)
    """Steps; None means min(500, 5 % of the host's steps)."""


class WorkerSetup(Record):
    """Everything that a worker needs besides its tasks. Same setup and task, same bits."""

    run_folder: str
    model: ModelConfig
    optimizer: OptimizerConfig
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"
    deterministic: bool = True
    """Kernels that give the same bits every time; those of the CPU always do."""
    stack: int = Field(default=0, ge=0)
    """Most members that train as one batched program; 0: each by itself."""
    cuda_graphs: bool = False
    """On CUDA: a stack's step is recorded and replayed; not where kernels are kept repeatable."""
    device_index: int = Field(default=0, ge=0)
    """On CUDA: which of the GPUs that this process sees. No part of the bits."""
    host_devices: int = Field(default=1, ge=1, le=64)
    """Processes, each with a device, that the batches of a host are spread over."""
    seed: int = 0
    battery_prompts: int = Field(default=20, ge=1)
    battery_questions: tuple[str, ...] = ()
    """Prompts in place of openings of held-out text."""
    battery_tokens: int = Field(default=80, ge=1)
    battery_temperatures: tuple[float, ...] = (0.4, 0.7, 1.0)
    symbio: SymbioConfig | None = None
    """What is measured beside the training; None measures nothing and writes no column of it."""
    adapt_to_throughput: bool = False
    """Whether a fall in tokens per second, which is no part of the bits, may change the batch."""
    snapshot_steps: int = Field(default=20, ge=1)
    """Steps between two snapshots of a training task at least."""
    snapshot_seconds: float = Field(default=10.0, ge=0)
    """Seconds between two snapshots at least."""
