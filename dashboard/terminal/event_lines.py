"""An event as one line of text: for `--plain`, for pipes, and for the log in the live view."""

from collections.abc import Mapping

from pydantic import JsonValue

from dashboard.terminal.figures import printable
from state.store_rows import StoredEvent

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "phase_started": ("{phase} begins with {steps} steps: {purpose} ({note})",),
    "generation": (
        "{phase} generation {generation}: best {best_bits_per_byte} bpb, "
        "{accepted} of {challengers} challengers accepted, {decision}",
    ),
    "gate": ("{phase} gate: {verdict} at {bits_per_byte} bpb with {formula} ({reason})",),
    "validation": ("gates at {place}: {verdicts} ({reason})",),
    "gradient_ratio": (
        "gradient norms of {parts}, lineage {lineage}: {outside} of {num} new ratios outside "
        "{passes}, the last {ratio}",
    ),
    "regime": ("shares: {reason}",),
    "symbiosis": (
        "lineage {host_lineage} becomes the host: the average of all has {ensemble_bits_per_byte} "
        "bpb, the best alone {best_bits_per_byte}; its lessons have weight {distil_weight}",
    ),
    "chunk": ("{phase} {host}: {bits} bpb after {age} steps",),
    "control_started": ("control {name} begins with {steps} steps",),
    "mode": ("{mode}: {activation}, symbio {symbio}",),
    "trained": (
        "step {step}: training loss {train_loss}, {bits_per_byte} bpb on the search split, "
        "{tokens_per_sec} tokens/s",
        "step {step}: training loss {train_loss}, {tokens_per_sec} tokens/s",
    ),
    "challenge": (
        "step {step}: best of {challengers} challengers {formula} with {bits_per_byte} bpb, "
        "the model {own_bits_per_byte}: {goes_on} goes on",
    ),
    "sample": ("sample at step {step}: {prompt} -> {text}",),
    "phase_slow": (
        "{phase} is slow: {elapsed_seconds} s for {steps} of its {planned_steps} steps, at the "
        "pace before it all of them take {planned_seconds} s",
    ),
    "throughput_collapse": (
        "{phase} generation {generation}: throughput has collapsed, {alarmed} of {members} members "
        "alarm at {tokens_per_sec} tokens/s, {usual_tokens_per_sec} were usual",
    ),
    "throughput_recovered": (
        "{phase} generation {generation}: throughput has recovered to {tokens_per_sec} tokens/s",
    ),
    "warning": ("warning: {message}",),
    "finished": (
        "finished: {test_bits_per_byte} bpb on the test split with {formula} "
        "(order-2 model {order2}, untrained {untrained})",
        "finished: {search_bits_per_byte} bpb on the search split with {formula} "
        "(order-2 model {order2}, untrained {untrained})",
    ),
}
"""The first one whose facts are all there is taken."""


def plain_line(event: StoredEvent | Mapping[str, JsonValue]) -> str:
    """One line without markup, of a stored event or of a row of events.jsonl or log.txt.

    Where the kind is unknown or a fact is missing, the facts are listed as `name=value`.
    """
    kind, data = _parts(event)
    facts = {name: _shown(value) for name, value in data.items()}
    for template in _TEMPLATES.get(kind, ()):
        try:
            return " ".join(template.format_map(facts).replace(" ()", "").split())
        except KeyError:
            continue
    listed = " ".join(f"{printable(name)}={value}" for name, value in facts.items())
    return f"{printable(kind)}: {listed}" if listed else printable(kind)


def _parts(event: StoredEvent | Mapping[str, JsonValue]) -> tuple[str, Mapping[str, JsonValue]]:
    if isinstance(event, StoredEvent):
        return event.kind, event.data
    data = event.get("data")
    rest = {name: value for name, value in event.items() if name not in {"kind", "at"}}
    return str(event.get("kind", "event")), data if isinstance(data, dict) else rest


def _shown(value: JsonValue) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:.5g}"
        case _:
            return printable(str(value))
