"""The lineage tree and the gallery."""

import re

import pytest

from dashboard.web.figures import lineage
from dashboard.web.figures.activation import HEIGHT, WIDTH, curve_of, gallery
from dashboard.web.figures.lineage import tree_of
from tests.dashboard.web.figures.reading import View
from tests.dashboard.web.worlds import HOSTILE


def test_every_member_has_a_place_of_its_own(view: View) -> None:
    members = view("evolved").members
    tree = tree_of(members)
    assert tree is not None
    assert len(tree.nodes) == len(members)
    assert len({(node.x, node.y) for node in tree.nodes}) == len(members)
    assert all(0 < node.x < tree.width and 0 < node.y < tree.height for node in tree.nodes)


def test_lanes_are_the_lineages_and_the_host_below_them(view: View) -> None:
    tree = tree_of(view("evolved").members)
    assert tree is not None
    assert [one.text for one in tree.lanes] == ["lineage 0", "lineage 1", "lineage 2", "host"]
    assert tree.phases[0].text == "abiogenesis"


def test_acceptances_migrants_and_the_merger_are_joined(view: View) -> None:
    tree = tree_of(view("evolved").members)
    assert tree is not None
    kinds = [edge.kind for edge in tree.edges]
    assert kinds.count("accepted") == 1
    assert kinds.count("migrant") == 9
    assert kinds.count("merger") == 1


def test_a_large_tree_leaves_out_those_who_were_not_accepted(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "MOST_NODES", 10)
    members = view("evolved").members
    tree = tree_of(members)
    assert tree is not None
    assert tree.num_hidden == 26
    assert len(tree.nodes) == len(members) - 26


def test_there_is_no_tree_without_a_generation() -> None:
    assert tree_of(()) is None


def test_champions_come_first_in_the_gallery(view: View) -> None:
    found = gallery(view("evolved").members)
    assert [one.champion for one in found] == sorted((one.champion for one in found), reverse=True)
    assert found[0].curve is not None


@pytest.mark.parametrize("formula", ["silu(x)", "glu(silu(x))", "x*x*x", "spline"])
def test_a_curve_stays_near_its_box(formula: str) -> None:
    curve = curve_of(formula)
    assert curve is not None
    numbers = [float(one) for one in re.findall(r"-?\d+\.\d+", curve.value)]
    assert all(0 <= x <= WIDTH for x in numbers[::2])
    assert all(-1.1 * HEIGHT <= y <= 2.1 * HEIGHT for y in numbers[1::2])


def test_what_is_no_formula_has_no_curve() -> None:
    assert curve_of(HOSTILE) is None
    assert curve_of("(" * 5_000) is None
