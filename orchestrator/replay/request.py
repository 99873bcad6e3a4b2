"""What a person may change in a fork: `--set k=v` checked against what the past has fixed."""

import json
from collections.abc import Sequence
from typing import NamedTuple, cast

from pydantic import JsonValue

from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.flags import FLAGS
from orchestrator.intervention import with_settings
from orchestrator.phases import phases_of
from orchestrator.plain_settings import require_plain
from orchestrator.run_state import RunState
from orchestrator.settings import Settings, merge, nested
from state.nearest import quoted, suggestion

FIXED = {
    "data": ("the models have learnt from this text", "start a new run with --data"),
    "model.dropout": None,
    "model": ("the weights have this shape", "start a new run with another one"),
    "optimizer.muon": ("the moments are those of one optimizer", "start a new run"),
    "model_size": ("it was turned into a shape when the run began", "start a new run with --model"),
    "preset": ("it was turned into settings when the run began", "set those settings"),
    "run_dir": ("it names a folder", "give the new one with --run-dir"),
    "mode": ("the run was begun in it", "start a new run"),
    "train.activation": ("the weights were trained with it", "start a new run with --activation"),
    "train.ffn_dim": ("the weights have this shape", "start a new run with --ffn-dim"),
    "train.init_from": ("the model has begun", "start a new run with --init-from"),
    "train.init_sha256": ("the model has begun", "start a new run with --init-from"),
}
"""Path -> why it cannot change, and what to do; the first that fits counts, None allows."""

OF_A_PHASE = PhaseConfig.model_fields.keys() - {"name", "kind", "share"}
"""What a phase reads when it begins. Shares were turned into steps when the run began."""


class Change(NamedTuple):
    """Settings before and after, table within table."""

    before: Settings
    after: Settings


def change_of(config: RunConfig, state: RunState, assignments: Sequence[str]) -> Change:
    """The change that `k=v` strings ask for at a point of a run.

    Raises:
        ValueError: one is not of that form, is unknown, breaks a rule or cannot change any more.
    """
    after: Settings = {}
    phases = list(phases_of(config))
    for text in assignments:
        path, value = _parsed(text)
        _require_free(path, value)
        if path.split(".")[0] == "phases":
            _change_phase(phases, config, state, path, value)
        else:
            after = merge(after, nested(path, value))
    if tuple(phases) != phases_of(config):
        after["phases"] = [phase.model_dump(mode="json") for phase in phases]
    require_plain(after)
    after = _with_muon(config, after)
    with_settings(config, after)
    return Change(_picked(config.model_dump(mode="json"), after), after)


def _parsed(text: str) -> tuple[str, JsonValue]:
    path, equals, value = text.partition("=")
    path, value = path.strip(), value.strip()
    if not equals or not path:
        raise ValueError(
            f"--set {text!r} is not of the form k=v; give one such as optimizer.lr=0.003"
        )
    flag = next((one for one in FLAGS if one.path == path), None)
    if flag is not None and flag.path == "control":
        return path, flag.kind(value)
    given = _json_or_text(value)
    if isinstance(given, dict):
        raise ValueError(f"{path} is a table; give one value of it, such as optimizer.lr=0.003")  # noqa: TRY004
    return path, given


def _json_or_text(text: str) -> JsonValue:
    try:
        return cast(JsonValue, json.loads(text))
    except (ValueError, RecursionError):
        return text


def _require_free(path: str, value: JsonValue) -> None:
    for name, verdict in FIXED.items():
        if path == name or path.startswith(f"{name}."):
            if verdict is None:
                return
            rule, remedy = verdict
            raise ValueError(f"{path} = {value} cannot change in a fork, {rule}; {remedy}")


def _change_phase(
    phases: list[PhaseConfig], config: RunConfig, state: RunState, path: str, value: JsonValue
) -> None:
    """`phases.NAME.FIELD`, while the phase has not begun."""
    names = [phase.name for phase in phases]
    _, _, rest = path.partition(".")
    name, _, field = rest.partition(".")
    if name not in names or field not in OF_A_PHASE:
        fields = sorted(OF_A_PHASE)
        known = [f"phases.{one}.{each}" for one in names for each in fields]
        form = f"with a name of {', '.join(names)} and a field of {', '.join(fields)}"
        near = suggestion(path, known, otherwise=f"give phases.NAME.FIELD {form}")
        raise ValueError(f"{quoted(path)} is no setting of a phase; {near}")
    index = names.index(name)
    begun = index < state.phase_index or (
        index == state.phase_index and state.stage != "phase_start"
    )
    if begun:
        raise ValueError(
            f"{path} = {value} cannot change, {name} has begun at this point; "
            f"fork with --at {name} or earlier"
        )
    row: Settings = {**phases[index].model_dump(mode="json"), field: value}
    listed = [phase.model_dump(mode="json") for phase in phases]
    checked = with_settings(config, {"phases": [*listed[:index], row, *listed[index + 1 :]]})
    phases[index] = checked.phases[index]


def _with_muon(config: RunConfig, after: Settings) -> Settings:
    """Muon's rate follows AdamW's when it is not given, as when a run begins."""
    optimizer = after.get("optimizer")
    if not isinstance(optimizer, dict) or "lr" not in optimizer or "muon_lr" in optimizer:
        return after
    given = with_settings(config, {"optimizer": optimizer}).optimizer
    scaled = config.optimizer.muon_lr * given.lr / config.optimizer.lr
    return merge(after, nested("optimizer.muon_lr", scaled))


def _picked(whole: Settings, wanted: Settings) -> Settings:
    """Of `whole`, the settings that `wanted` names."""
    picked: Settings = {}
    for name, value in wanted.items():
        inner = whole[name]
        nests = isinstance(value, dict) and isinstance(inner, dict)
        picked[name] = _picked(cast(Settings, inner), cast(Settings, value)) if nests else inner
    return picked
