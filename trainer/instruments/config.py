"""The settings of the instruments: the original's eleven keys and two controls. No torch."""

from typing import Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

from state.base import Record
from state.nearest import suggestion


class SymbioConfig(Record):
    """What `--symbio` measures and how it answers."""

    chart: Literal["standardised", "original"] = "standardised"
    """`original` is the documents' tabular form on raw signals."""
    cusum_threshold: float | None = Field(default=None, gt=0)
    """Alarm limit in sigmas; None means the calibrated one, or 2 for the original chart."""
    cusum_drift: float = Field(default=0.5, ge=0)
    """Allowance k: a shift of less than that many sigmas is none."""
    metrics_interval: int = Field(default=50, ge=1)
    """Steps between two readings of the sparse measures."""
    adaptive_batch: bool = True
    """Alarms change the batch size."""
    batch_min: int = Field(default=8, ge=1, le=65536)
    batch_max: int = Field(default=64, ge=1, le=65536)
    batch_step: int = Field(default=4, ge=1, le=65536)
    """Windows by which one alarm changes the batch."""
    track_weight_entropy: bool = True
    track_effective_rank: bool = True
    track_free_energy: bool = True
    track_mi_profiles: bool = False
    free_energy_weight: float = Field(default=0.0, ge=0, le=1)
    """Share of `T * H` of the free energy that the objective carries; 0 leaves it the loss."""
    temperature_control: bool = False
    """The learning rate falls while the free energy rises, and comes back."""

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "SymbioConfig":
        if self.batch_min > self.batch_max:
            raise ValueError(
                f"batch_min {self.batch_min} is above batch_max {self.batch_max}; swap them"
            )
        return self


def symbio_config_of(document: dict[str, JsonValue]) -> SymbioConfig:
    """The settings of a --symbio-config file, keys in camelCase or snake_case.

    Raises:
        ValueError: a key is unknown or given in both spellings, or a value is out of bounds; the
            message is one line and names the key as it was given.
    """
    given: dict[str, str] = {}
    for key in document:
        field = _FIELDS.get(key)
        if field is None:
            raise ValueError(_unknown(key))
        if field in given:
            raise ValueError(f"{given[field]} and {key} are one setting; leave one of them out")
        given[field] = key
    try:
        return SymbioConfig.model_validate({field: document[key] for field, key in given.items()})
    except ValidationError as error:
        raise ValueError(_one_line(error, given)) from None


def _camel(field: str) -> str:
    """`cusum_drift` as the original spells it."""
    first, *rest = field.split("_")
    return first + "".join("MI" if word == "mi" else word.capitalize() for word in rest)


_FIELDS = {
    spelling: field for field in SymbioConfig.model_fields for spelling in (_camel(field), field)
}


def _unknown(key: str) -> str:
    names = ", ".join(map(_camel, SymbioConfig.model_fields))
    remedy = suggestion(key, _FIELDS, otherwise=f"choose one of {names}")
    return f"{key[:60]!r} is no setting of --symbio-config; {remedy}"


def _one_line(error: ValidationError, given: dict[str, str]) -> str:
    """The first broken rule under the name that the document used."""
    first = error.errors()[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return f"--symbio-config: {message}"
    key = given[str(first["loc"][0])]
    value = f"{first['input']!r}"[:60]
    return f"--symbio-config {key} = {value}: {message[:1].lower()}{message[1:]}"
