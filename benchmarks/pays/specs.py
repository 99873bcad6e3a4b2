"""One run of the product as data: two equal specs are one run, made once."""

from hashlib import sha256
from typing import Literal

from pydantic import Field, JsonValue

from state.base import Record

Settings = dict[str, JsonValue]


class Setting(Record):
    """A text and a budget. Arms are compared within one."""

    name: str
    corpus: str
    """Name of the text file, without `.txt`."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of the text, from its beginning to the end of a line."""
    budget: int = Field(ge=60)
    """Member-steps."""


SETTINGS = {
    one.name: one
    for one in (
        Setting(name="historic-half", corpus="historic", share=0.5, budget=12_000),
        Setting(name="shakespeare-quarter", corpus="tinyshakespeare", share=0.245, budget=12_000),
        Setting(name="prose-eighth", corpus="historic-prose", share=0.13, budget=12_000),
        Setting(name="historic", corpus="historic", budget=24_000),
        Setting(name="shakespeare", corpus="tinyshakespeare", budget=6000),
        Setting(name="prose", corpus="historic-prose", budget=12_000),
    )
}

SHORT_OF_STEPS = ("shakespeare", "prose")
"""Settings that pass over their text a few times; the others do so often."""

COMMON: Settings = {
    "model": {"dim": 96, "heads": 4, "layers": 4, "block": 64},
    "optimizer": {"batch": 8},
    "data": {"vocab_size": 512},
    "engine": {"engine": "inline", "device": "cpu", "workers": 1, "host_threads": 1},
    "keep_gb": 0,
}
"""The study's shape, and one thread; everything else is as it is shipped."""


class Spec(Record):
    """A run of `symbio-auto`, or of `symbio-auto train`."""

    setting: str
    arm: str
    """What the tables call it."""
    mode: Literal["phases", "train"]
    budget: int
    seed: int
    """What pairs the arms: initialisations and data orders follow from it."""
    settings: Settings = Field(default_factory=dict)
    """What is otherwise than in every run of the mode."""

    @property
    def key(self) -> str:
        """Name of the run: arms that ask for the same settings share it."""
        asked = self.model_dump_json(include={"mode", "budget", "settings"})
        digest = sha256(asked.encode()).hexdigest()[:8]
        return f"{self.setting}-{self.mode}-{self.budget}-{digest}-s{self.seed}"
