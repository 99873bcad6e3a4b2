"""What a person changed in a run that had begun, and where.

The states of a run follow from its first configuration, its results and these. They stand among
the results in `results.jsonl`.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue, ValidationError

from orchestrator.config import RunConfig
from orchestrator.run_state import RunState, Stage
from orchestrator.settings import merge, one_line
from state.base import Record


class Place(Record):
    """Where a run stands; together with the results that are in, it names one state."""

    status: Literal["running", "finished"]
    phase_index: int
    stage: Stage
    generation: int
    planned: bool
    """The work of the stage is planned and its steps are reserved."""


class Intervention(Record):
    """A change of the configuration at one place."""

    kind: Literal["extended", "forked", "waived"]
    place: Place
    before: dict[str, JsonValue]
    """The settings as they were, table within table; only those that changed."""
    after: dict[str, JsonValue]
    """The same settings as they are from here on."""
    source: str = ""
    """Id of the run that was forked."""


def place_of(state: RunState) -> Place:
    """Where a state stands."""
    return Place(
        status=state.status,
        phase_index=state.phase_index,
        stage=state.stage,
        generation=state.generation,
        planned=state.work is not None,
    )


def with_settings(config: RunConfig, settings: dict[str, JsonValue]) -> RunConfig:
    """The configuration with some settings replaced.

    Raises:
        ValueError: one of them is unknown or breaks a rule.
    """
    try:
        return RunConfig.model_validate(merge(config.model_dump(mode="json"), settings))
    except ValidationError as error:
        raise ValueError(one_line(error)) from None


def first_configuration(config: RunConfig, changes: tuple[Intervention, ...]) -> RunConfig:
    """The configuration before any of `changes`, given the one after all of them."""
    for change in reversed(changes):
        config = with_settings(config, change.before)
    return config


def waiver(config: RunConfig, state: RunState, names: Sequence[str]) -> Intervention:
    """The change that lets validation gates of these names stop a run no more.

    Raises:
        ValueError: the run is finished, asks no gates, or has no such gate.
    """
    if state.status == "finished":
        raise ValueError(f"run {state.run_id} is finished; --waive lets a stopped run go on")
    if config.validation is None:
        raise ValueError(f"run {state.run_id} asks no validation gates; leave --waive out")
    before = list(config.validation.waive)
    after = with_settings(config, {"validation": {"waive": [*before, *names]}}).validation
    assert after is not None
    return Intervention(
        kind="waived",
        place=place_of(state),
        before={"validation": {"waive": [*before]}},
        after={"validation": {"waive": [*dict.fromkeys(after.waive)]}},
    )
