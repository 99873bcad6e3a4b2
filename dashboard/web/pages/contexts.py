"""What each template is given."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from fastapi import HTTPException

from dashboard.web.figures import comparison, lineage, population, synchrony
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.sparkline import losses, sparkline
from dashboard.web.pages import compare as comparing
from dashboard.web.pages import evolution as evolving
from dashboard.web.pages import results, run_detail, tiles
from dashboard.web.pages.views import Views
from dashboard.web.sources import RunCard, UnknownRun

Context = dict[str, object]
MOST_SPARKS = 100
"""Runs of the list whose loss is drawn."""


def run_list(views: Views) -> Context:
    """Every run with the course of its loss."""
    cards = views.sources.cards()
    sparks = {card.run_id: _spark(views, card) for card in cards[:MOST_SPARKS]}
    return {"cards": cards, "sparks": sparks}


def overview(views: Views, run_id: str) -> Context:
    """The page of one run."""
    base, view = _base(views, run_id, "")
    parts = {
        name: PARTS[name](views, run_id)
        for name in ("tiles", "ledger", "findings", "events", "checkpoints")
    }
    return {
        **base,
        **{key: value for part in parts.values() for key, value in part.items()},
        "instruments": view.has_instruments,
        "clipping": view.has_clipping,
        "strip": run_detail.phase_strip(view),
    }


def evolution(views: Views, run_id: str) -> Context:
    """The page of its evolution."""
    base, view = _base(views, run_id, "/evolution")
    return {
        **base,
        **_tree(views, run_id),
        **_gallery(views, run_id),
        **_decisions(views, run_id),
        **_strip(views, run_id),
        **generation(views, run_id, None),
        "operators": population.operator_rows(view.members),
    }


def battery(views: Views, run_id: str) -> Context:
    """The page of its battery."""
    base, _ = _base(views, run_id, "/battery")
    return base | _scores(views, run_id)


def samples(
    views: Views, run_id: str, at: Sequence[str], temperature: float | None, *, whole: bool
) -> Context:
    """The page of its samples."""
    base, view = _base(views, run_id, "/samples")
    return base | {
        "table": results.sample_table(view, at, temperature, whole=whole),
    }


def member(views: Views, run_id: str, number: int, member_id: str) -> Context:
    """One member of a generation."""
    found = evolving.detail(views.view(run_id), number, member_id)
    if found is None:
        raise HTTPException(404, "no member has this name")
    return {"detail": found}


def generation(views: Views, run_id: str, number: int | None) -> Context:
    """The phases on the circle and the members of one generation, by default the newest."""
    view = views.view(run_id)
    known = view.generations
    newest = known[-1].generation if known else None
    if number is None:
        measured = view.synchrony
        number = measured[-1].generation if measured else newest
    found = synchrony.nearest(view.synchrony, number)
    return {
        "card": views.sources.card(run_id),
        "chosen": number,
        "last": newest,
        "dial": synchrony.dial(found) if found else None,
        "crowd": evolving.of_generation(view, number) if number is not None else [],
        "no_synchrony": synchrony.NO_SYNCHRONY,
    }


def compare(views: Views, run_ids: Sequence[str]) -> Context:
    """Two to six runs side by side."""
    chosen = known(views, run_ids)
    cards = [views.sources.card(one) for one in chosen]
    opened = [views.view(one) for one in chosen]
    return {
        "chosen": cards,
        "missing": [one for one in run_ids if one not in chosen],
        "cards": views.sources.cards(),
        "facts": comparing.fact_rows(cards, opened),
        "figure_address": address_of(chosen),
        "caution": comparing.caution(opened),
        "differences": comparison.differences([one.config for one in opened]),
    }


def address_of(run_ids: Sequence[str]) -> str:
    """Of the figure that compares them."""
    return f"/compare/figure?{urlencode([('run', one) for one in run_ids])}"


def known(views: Views, run_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of the runs that there are, each once."""
    there = {card.run_id for card in views.sources.cards()}
    return tuple(one for one in dict.fromkeys(run_ids) if one in there)


def _base(views: Views, run_id: str, tab: str) -> tuple[Context, RunView]:
    """What every page of a run shows on top."""
    card = views.sources.card(run_id)
    view = views.view(run_id)
    context: Context = {
        **_head(views, run_id),
        "tabs": run_detail.TABS,
        "tab": tab,
        "facts": run_detail.facts(card, view),
    }
    return context, view


def _head(views: Views, run_id: str) -> Context:
    card = views.sources.card(run_id)
    return {"card": card, "tags": run_detail.tags(card)}


def _tiles(views: Views, run_id: str) -> Context:
    card, view = views.sources.card(run_id), views.view(run_id)
    with view.lock:
        shown = tiles.symbio_tiles(view) if view.has_instruments else []
        return {"card": card, "tiles": tiles.main_tiles(card, view), "symbio_tiles": shown}


def _ledger(views: Views, run_id: str) -> Context:
    view = views.view(run_id)
    return {
        "card": views.sources.card(run_id),
        "ledger": run_detail.ledger_rows(view),
        "budget": view.ledger,
    }


def _findings(views: Views, run_id: str) -> Context:
    found = run_detail.finding_rows(views.view(run_id))
    return {"card": views.sources.card(run_id), "findings": found}


def _events(views: Views, run_id: str) -> Context:
    view = views.view(run_id)
    events = run_detail.event_rows(view)
    hidden = max(0, len(view.events) - len(events))
    return {"card": views.sources.card(run_id), "events": events, "num_older": hidden}


def _checkpoints(views: Views, run_id: str) -> Context:
    found = run_detail.checkpoints(views.sources, views.view(run_id))
    return {"card": views.sources.card(run_id), "checkpoints": found}


def _tree(views: Views, run_id: str) -> Context:
    view = views.view(run_id)
    return {"card": views.sources.card(run_id), "tree": lineage.tree_of(view.members)}


def _gallery(views: Views, run_id: str) -> Context:
    found, more = evolving.exhibits(views.view(run_id))
    return {"card": views.sources.card(run_id), "exhibits": found, "num_more": more}


def _decisions(views: Views, run_id: str) -> Context:
    entries = evolving.entries(views.view(run_id).decisions)
    return {"card": views.sources.card(run_id), "entries": entries}


def _strip(views: Views, run_id: str) -> Context:
    return {"card": views.sources.card(run_id), "cells": evolving.strip(views.view(run_id))}


def _scores(views: Views, run_id: str) -> Context:
    reports = views.view(run_id).batteries
    return {
        "card": views.sources.card(run_id),
        "reports": reports,
        "report_names": results.report_names(reports),
        "probes": results.probe_rows(reports),
    }


PARTS: dict[str, Callable[[Views, str], Context]] = {
    "head": _head,
    "tiles": _tiles,
    "ledger": _ledger,
    "findings": _findings,
    "events": _events,
    "checkpoints": _checkpoints,
    "tree": _tree,
    "gallery": _gallery,
    "decisions": _decisions,
    "strip": _strip,
    "scores": _scores,
}
"""Parts of a page that are asked for again when a run has a new mark."""


def _spark(views: Views, card: RunCard) -> str:
    """Points of the course of a run's loss, kept until the run changes."""

    def drawn() -> bytes:
        view = RunView(views.sources.reader(card.run_id), card.run_id)
        return sparkline(losses(view)).encode()

    try:
        tag = views.tag(card.run_id)
        return views.kept(("spark", card.run_id), tag, drawn).decode()
    except UnknownRun:
        return ""
