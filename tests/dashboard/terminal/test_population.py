"""The population table at the width of a terminal."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from dashboard.terminal.population import COLUMNS, column_widths, table
from state.records import Genome, MemberRecord

LONG = "0.5*relu(x)*silu(x) + 0.25*gelu(tanh(x)) + 0.2*x"

MakeMember = Callable[[int], MemberRecord]


def shown(members: list[MemberRecord], width: int, rows: int = 20) -> list[str]:
    return [line.plain.rstrip() for line in table(members, rows, width)]


def test_a_wide_table_has_every_column_and_cuts_no_formula(make_member: MakeMember) -> None:
    long = make_member(1).model_copy(update={"genome": Genome(formula=LONG)})
    head, first, second = shown([make_member(0), long], 120)
    assert head.split() == [column.name for column in COLUMNS]
    assert LONG in second
    assert first.split()[-3:] == ["+0.020/0.015", "12.3k", "accepted"]


def test_a_narrow_table_keeps_the_columns_that_matter_most(make_member: MakeMember) -> None:
    long = make_member(1).model_copy(update={"genome": Genome(formula=LONG)})
    names = [column.name for column in COLUMNS]
    for width, gone in ((80, 1), (70, 3), (60, 4), (40, 5)):
        left_out = sorted(COLUMNS, key=lambda column: -column.rank)[:gone]
        kept = [name for name in names if name not in {column.name for column in left_out}]
        assert shown([long], width)[0].split() == kept


def test_a_champion_is_named_by_its_lineage(make_member: MakeMember) -> None:
    champion = make_member(0).model_copy(
        update={"member_id": "g00012-l3-champion", "role": "champion", "status": "trained"}
    )
    row = shown([champion], 90)[1].split()
    assert row[0] == "l3"
    assert row[-1] == "champion"


def test_members_that_do_not_fit_are_counted(make_member: MakeMember) -> None:
    members = [make_member(i) for i in range(5)]
    assert shown(members, 90, rows=4)[-1] == "and 3 more"
    assert len(shown(members, 90, rows=6)) == 6
    assert shown(members, 90, rows=1)[0].startswith("member")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(8, 200), st.integers(1, 12), st.text(max_size=60))
def test_a_table_is_never_wider_or_higher_than_its_place(
    make_member: MakeMember, width: int, rows: int, formula: str
) -> None:
    members = [make_member(i) for i in range(4)]
    members[1] = members[1].model_copy(update={"genome": Genome(formula=formula)})
    lines = shown(members, width, rows)
    assert len(lines) <= rows
    assert width < 20 or max(cell_len(line) for line in lines) <= width
    widths = column_widths({c: [c.cell(m) for m in members] for c in COLUMNS}, width)
    assert {"member", "formula", "bpb"} <= {column.name for column in widths}
