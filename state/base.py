"""The base of every record and every configuration."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen values: unknown keys, NaN and infinities are refused wherever they would enter."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
    )
