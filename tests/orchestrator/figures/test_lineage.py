"""The lineage tree."""

from itertools import pairwise

import pytest

from orchestrator.figures.lineage import (
    HOST,
    NODE_SHARE,
    Birth,
    Lineages,
    Stay,
    _levels,
    lineage_figure,
)
from orchestrator.figures.style import NothingToDraw


def words(told: Lineages) -> list[str]:
    axes = lineage_figure(told).axes[0]
    return [text.get_text() for text in axes.texts]


def lanes(told: Lineages) -> list[str]:
    return [text.get_text() for text in lineage_figure(told).axes[0].get_yticklabels()]


def test_a_run_that_accepted_nothing_has_a_tree_of_lanes() -> None:
    stays = (Stay(0, 0, 9, "gelu(x)"), Stay(1, 2, 9, "gelu(x)"), Stay(HOST, 10, 20, "gelu(x)"))
    told = Lineages(stays, merger=(0, 10), lost=((1, 9),))
    assert lanes(told) == ["lineage 0", "lineage 1", "host"]
    assert words(told) == []


def test_forty_accepted_genomes_are_forty_numbers_that_do_not_cover_each_other() -> None:
    births = tuple(Birth(n, n % 3, 2 * n // 3, f"0.{n + 10}*x", source=0) for n in range(1, 41))
    stays = tuple(Stay(lineage, 0, 30, "x") for lineage in range(3))
    assert words(Lineages(stays, births)) == [str(number) for number in range(1, 41)]
    levels = _levels(births, 31)
    for lineage in range(3):
        for level in set(levels.values()):
            places = [
                (one.generation + 1) / 31
                for one in births
                if one.lineage == lineage and levels[one.number] == level
            ]
            assert all(after - before >= NODE_SHARE for before, after in pairwise(places))


def test_colours_follow_the_order_that_is_given() -> None:
    told = Lineages((Stay(0, 0, 1, "x"), Stay(0, 2, 3, "silu(x)")), formulas=("silu(x)", "gone(x)"))
    legend = lineage_figure(told).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["silu(x)", "x"]


def test_nobody_has_no_tree() -> None:
    with pytest.raises(NothingToDraw):
        lineage_figure(Lineages(()))
