"""The numbers on top of a run's page."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from dashboard.web.beside import Machine
from dashboard.web.cards import RunCard
from dashboard.web.figures.cusum import alarms, told
from dashboard.web.figures.instruments import measured
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.sparkline import losses, sparkline
from dashboard.web.figures.timeline import GOES_ON
from dashboard.web.pages.wording import NONE, count, dollars, moment, number, percent, short

PHASE_NAMES = (
    "abiogenesis",
    "primordial",
    "cambrian",
    "oxidation",
    "endosymbiosis",
    "homeostasis",
)
Tone = Literal["", "good", "bad", "accent"]
SETTLED = 3
"""Readings whose mean tells a trend."""


class Tile(NamedTuple):
    """One number, what it is, and how it came about."""

    name: str
    value: str
    note: str = ""
    spark: str = ""
    """Points of a sparkline."""
    tone: Tone = ""
    share: float | None = None
    """Of a bar, 0 to 1."""
    hint: str = ""
    """What the number means, for whoever has not met it."""


def main_tiles(card: RunCard, view: RunView) -> list[Tile]:
    """For every run."""
    found = [_best(card), _loss(card, view), _budget(card, view), _speed(view), _place(view)]
    return [*found, _rent(card.machine)] if card.machine else found


def symbio_tiles(view: RunView) -> list[Tile]:
    """For a run whose instruments have read something."""
    entropy = measured(view, "weight_entropy")
    rank = measured(view, "effective_rank")
    energy = measured(view, "free_energy")
    return [
        _measure("Weight entropy", entropy, "nats", "how widely the weights' sizes are spread"),
        _measure("Effective rank", rank, "", "how many directions the gradient really uses"),
        _energy([value for _, value in energy]),
        _alarms(view),
    ]


def trend(values: Sequence[float]) -> tuple[str, str]:
    """An arrow and its word: the newest readings' mean beside the mean of those before."""
    recent, before = values[-SETTLED:], values[-2 * SETTLED : -SETTLED]
    if not recent or not before:
        return "", ""
    new, old = sum(recent) / len(recent), sum(before) / len(before)
    if abs(new - old) <= 0.005 * max(abs(old), 1e-9):
        return "→", "steady"
    return ("↗", "rising") if new > old else ("↘", "falling")


def _best(card: RunCard) -> Tile:
    if card.best_bits_per_byte is None and card.best_val_loss is not None:
        return Tile("Best validation loss", number(card.best_val_loss), "nats per token")
    return Tile(
        "Best bits per byte",
        number(card.best_bits_per_byte),
        "on the search split" if card.best_bits_per_byte is not None else "not measured yet",
        tone="accent",
        hint="how many bits the model needs for a byte of text it has not seen; less is better",
    )


def _loss(card: RunCard, view: RunView) -> Tile:
    found = losses(view)
    note = "nats per token" + (f", step {card.latest_step:,}" if card.latest_step else "")
    return Tile("Training loss", number(card.last_loss), note, spark=sparkline(found))


def _budget(card: RunCard, view: RunView) -> Tile:
    ledger = view.ledger
    if ledger is None:
        total = view.columns.get("total_iters")
        step = card.latest_step
        share = step / total if isinstance(total, int) and total and step is not None else None
        return Tile("Steps", count(step), f"of {count(total)}" if share else "", share=share)
    settled = sum(line.settled for line in ledger.lines)
    share = settled / ledger.budget
    what = "steps" if view.timeline.single else "steps of all members"
    return Tile("Budget", percent(share), f"{settled:,} of {ledger.budget:,} {what}", share=share)


def _speed(view: RunView) -> Tile:
    speeds = [one.tokens_per_sec for one in view.members if one.role in GOES_ON]
    speeds = [one for one in speeds if one > 0]
    if not speeds:
        read = _last_speed(view)
        return Tile("Throughput", short(read), "tokens per second")
    tokens = view.ledger.tokens if view.ledger else sum(one.tokens for one in view.members)
    note = f"tokens per second, {short(tokens)} in all"
    return Tile("Throughput", short(speeds[-1]), note, spark=sparkline(speeds))


def _last_speed(view: RunView) -> float | None:
    point = view.reader.last_point(view.run_id)
    return point.tokens_per_sec if point else None


def _place(view: RunView) -> Tile:
    generations = view.generations
    if not view.phases:
        return Tile("Phase", NONE, "not begun yet")
    phase = view.phases[-1].phase
    number_of = f" {PHASE_NAMES.index(phase) + 1}/6" if phase in PHASE_NAMES else ""
    unit = "chunk" if view.timeline.single else "generation"
    done = f"{unit} {generations[-1].generation} is done" if generations else f"no {unit} is done"
    return Tile(f"Phase{number_of}", phase.capitalize(), done)


def _rent(machine: Machine) -> Tile:
    spot = ", Spot" if machine.spot else ""
    return Tile(
        "Rented machine",
        dollars(machine.usd),
        f"of at most {dollars(machine.most_usd)}; {machine.state}, {machine.machine_type}{spot}",
        share=machine.usd / machine.most_usd if machine.most_usd else None,
        hint=f"{machine.name}, as it was seen on {moment(machine.seen_at)}; by the price when it "
        "was rented, without taxes and traffic",
    )


def _measure(name: str, points: Sequence[tuple[float, float]], unit: str, hint: str) -> Tile:
    values = [value for _, value in points]
    if not values:
        return Tile(name, NONE, "not read yet", hint=hint)
    note = ", ".join(part for part in (unit, f"{len(values)} readings") if part)
    return Tile(name, f"{values[-1]:.4g}", note, spark=sparkline(values), hint=hint)


def _energy(values: Sequence[float]) -> Tile:
    hint = "training loss plus temperature times weight entropy"
    if not values:
        return Tile("Free energy", NONE, "not read yet", hint=hint)
    arrow, word = trend(values)
    note = f"nats, {word}" if word else "nats"
    return Tile("Free energy", f"{values[-1]:.4g} {arrow}".strip(), note, hint=hint)


def _alarms(view: RunView) -> Tile:
    found = alarms(view)
    hint = "steps at which a CUSUM chart said that a signal has changed for good"
    if found.last is None:
        return Tile("CUSUM alerts", "0", "no chart has alarmed", tone="good", hint=hint)
    note = f"last at step {found.last.step:,}: {told(found.last)}"
    return Tile("CUSUM alerts", count(found.num_steps), note, tone="bad", hint=hint)
