"""What the page that compares runs shows beside its figure."""

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.web.cards import RunCard
from dashboard.web.figures import comparison
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.timeline import GOES_ON
from dashboard.web.pages.wording import activation_tag, count, number, percent, short


class FactRow(NamedTuple):
    """One figure of every run; the best of them is marked."""

    name: str
    values: tuple[str, ...]
    best: int | None = None


def fact_rows(cards: Sequence[RunCard], views: Sequence[RunView]) -> list[FactRow]:
    """The final numbers side by side."""
    return [
        _ranked("best bits per byte", [card.best_bits_per_byte for card in cards], 4),
        _ranked("training loss, nats per token", [card.last_loss for card in cards], 4),
        _ranked("best validation loss", [card.best_val_loss for card in cards], 4),
        FactRow("activation", tuple(activation_tag(one.ffn_activation) or "gelu" for one in cards)),
        FactRow("budget used", tuple(_budget(view) for view in views)),
        FactRow("generations", tuple(count(len(view.generations)) for view in views)),
        FactRow("battery", tuple(_battery(view) for view in views)),
        FactRow("tokens per second", tuple(_speed(view) for view in views)),
        FactRow("skipped steps", tuple(_skipped(view) for view in views)),
    ]


def _ranked(name: str, values: Sequence[float | None], digits: int) -> FactRow:
    """The least is the best, where there is more than one."""
    known = [value for value in values if value is not None]
    best = values.index(min(known)) if len(known) > 1 else None
    return FactRow(name, tuple(number(value, digits) for value in values), best)


def _budget(view: RunView) -> str:
    if view.ledger is None:
        return count(view.timeline.end or None)
    settled = sum(line.settled for line in view.ledger.lines)
    return f"{settled:,} of {view.ledger.budget:,} ({percent(settled / view.ledger.budget)})"


def _battery(view: RunView) -> str:
    return number(view.batteries[-1].composite, 3) if view.batteries else number(None)


def _speed(view: RunView) -> str:
    speeds = [one.tokens_per_sec for one in view.members if one.role in GOES_ON]
    return short(speeds[-1] if speeds else None)


def _skipped(view: RunView) -> str:
    return count(sum(one.skipped_steps for one in view.members) if view.members else None)


def caution(views: Sequence[RunView]) -> str:
    """What keeps the figures from being compared; empty where nothing is known to."""
    texts, pieces = [], []
    for view in views:
        data = view.config.get("data")
        known = data if isinstance(data, dict) else {}
        texts.append(f"{comparison.flat(known.get('paths'))} {known.get('split')}")
        pieces.append(repr([known.get(name) for name in ("tokenizer", "vocab_size")]))
    if len(set(texts)) > 1:
        return "These runs have different texts: their losses do not say which one is better."
    if len(set(pieces)) > 1:
        return (
            "These runs cut the text into different tokens: compare bits per byte, "
            "not nats per token."
        )
    return ""
