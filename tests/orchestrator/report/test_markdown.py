"""What the report says to a person."""

import pytest

from orchestrator.report.final_report import Baseline, ControlScore, FinalReport, GateSummary
from orchestrator.report.markdown import markdown


def changed(report: FinalReport, **fields: object) -> str:
    return markdown(report.model_copy(update=fields))


def test_the_headline_holds_the_result_beside_its_references(report: FinalReport) -> None:
    head = markdown(report).split("\n## ")[0]
    assert "**2.1000 bits per byte on the test split**" in head
    assert "opened once" in head
    assert "| control `gelu` | 2.1500 | +0.0500 |" in head
    assert "| order-2 byte model | 2.6000 | +0.5000 |" in head
    assert "| untrained model | 8.0100 |" in head


def test_a_run_that_beats_its_control_says_by_how_much(report: FinalReport) -> None:
    text = markdown(report)
    assert "This run beats the control gelu by 0.0500 bits per byte." in text
    assert "cannot rule out chance" in text


def test_a_control_that_wins_is_said_to_win(report: FinalReport) -> None:
    text = changed(report, control=(ControlScore(name="gelu", bits_per_byte=2.08),))
    assert "**The control gelu wins** by 0.0200 bits per byte" in text
    assert "beats the control" not in text


def test_the_best_of_several_controls_is_the_one_to_beat(report: FinalReport) -> None:
    controls = [("relu", 2.3), ("swiglu", 2.05)]
    text = changed(
        report, control=tuple(ControlScore(name=n, bits_per_byte=b) for n, b in controls)
    )
    assert "**The control swiglu wins**" in text
    assert "control `relu`" in text


def test_a_draw_with_the_control_is_no_win(report: FinalReport) -> None:
    text = changed(report, control=(ControlScore(name="gelu", bits_per_byte=2.10001),))
    assert "did as well as this run" in text
    assert "beats the control" not in text


def test_without_a_control_nothing_is_claimed_for_the_search(report: FinalReport) -> None:
    text = changed(report, control=())
    assert "No control was trained" in text
    assert "beats the control" not in text


def test_losing_to_the_order_2_model_is_said_plainly(report: FinalReport) -> None:
    text = changed(report, order2=Baseline(bits_per_byte=2.0))
    assert "**It does not beat the order-2 byte model**" in text


def test_a_test_split_read_twice_is_admitted(report: FinalReport) -> None:
    assert "read 2 times" in changed(report, test_openings=2)
    assert "no longer a clean one" not in markdown(report)


def test_the_winner_comes_with_its_origin(report: FinalReport) -> None:
    text = markdown(report)
    assert "`0.8*relu(x)*silu(x) + 0.2*x` (not gated, 6 nodes" in text
    assert "made by inject gate from `silu(x)`, accepted in cambrian, generation 2" in text


def test_a_winner_that_was_there_from_the_start_says_so(report: FinalReport) -> None:
    plain = report.winner.model_copy(
        update={"operator": "", "parents": (), "phase": None, "generation": None}
    )
    assert "the run began with it." in changed(report, winner=plain)


def test_each_phase_has_its_row(report: FinalReport) -> None:
    text = markdown(report)
    gate = r"pass | deficit 0.001 is not above 0.010"
    assert f"| cambrian | 480 | 3 | 2.1034 | 0.712 | {gate} |" in text
    assert "| oxidation | 0 | 0 | - | - | - | - |" in text


def test_the_search_counts_its_own_false_alarms(report: FinalReport) -> None:
    text = markdown(report)
    assert "40 challengers were trained, 4 accepted; 3 draws were known already" in text
    assert "Null twins better by more than such twins differ: 1 of 30." in text
    assert "| +0.0213 | +0.0101 | accepted |" in text


def test_the_ensemble_says_whether_it_was_distilled(report: FinalReport) -> None:
    assert report.ensemble is not None
    assert "distilled from it with weight 0.5" in markdown(report)
    assert "+0.0400 on its best member" in markdown(report)
    unused = report.ensemble.model_copy(update={"distil_weight": 0.0})
    assert "Distillation was not used" in changed(report, ensemble=unused)
    assert "Not measured, so nothing was distilled." in changed(report, ensemble=None)


def test_synchrony_is_compared_with_chance(report: FinalReport) -> None:
    assert "r ended at 0.91, above what independent lineages show by chance" in markdown(report)
    assert "Not measured." in changed(report, synchrony=())


def test_cost_and_reproduction_are_complete(report: FinalReport) -> None:
    text = markdown(report)
    assert "| training | 6 min 40 s | 80.0 % |" in text
    assert "4.1 M tokens, 5.6 TFLOP in training and 512 FLOP in evaluation, 1 h 02 min" in text
    assert "once resumed." in text
    assert "The first step began after 3.2 s." in changed(report, first_step_seconds=3.2)
    for claim in (
        report.command,
        "seed 7",
        report.data.sha256,
        report.model_sha256,
        "torch 2.13.0",
    ):
        assert claim in text
    assert report.resume_line in text


HOSTILE = "a | b `c` **d** <script>\n# e\n| --- |\r\x1b[2J [f](https://evil.example) \u202e```"


def test_hostile_text_cannot_break_a_table_or_start_a_heading(report: FinalReport) -> None:
    phase = report.phases[0].model_copy(
        update={"gate": GateSummary(verdict="pass", reason=HOSTILE)}
    )
    row = next(line for line in changed(report, phases=(phase,)).splitlines() if "| pass |" in line)
    assert r"a \| b \`c\` \*\*d\*\* \<script\> \# e" in row
    assert "https://" not in row
    assert row.replace(r"\|", "").count("|") == 8


@pytest.mark.parametrize("field", ["run_id", "command", "resume_line", "model_sha256"])
def test_hostile_text_adds_no_heading_and_no_control_character(
    report: FinalReport, field: str
) -> None:
    plain, hostile = markdown(report), changed(report, **{field: HOSTILE})
    assert headings(hostile) == headings(plain) if field != "run_id" else True
    assert len(headings(hostile)) == len(headings(plain))
    assert not {"\x1b", "\r", "\u202e"} & set(hostile)


def test_a_hostile_formula_stays_in_its_cell(report: FinalReport) -> None:
    member = report.members[0]
    genome = member.genome.model_copy(update={"formula": "x`|`|\n# y"})
    text = changed(report, members=(member.model_copy(update={"genome": genome}),))
    assert r"| ``x`\|`\| # y`` | cambrian 2 |" in text


def test_a_sample_cannot_close_its_block(report: FinalReport) -> None:
    battery = report.batteries[0]
    sample = battery.samples[0].model_copy(update={"text": "```\n# free\n````"})
    text = changed(report, batteries=(battery.model_copy(update={"samples": (sample,)}),))
    assert "`````text\n```\n# free\n````\n`````" in text
    assert "# free" not in headings(text)


def test_a_run_without_a_battery_says_so(report: FinalReport) -> None:
    assert "The battery did not run." in changed(report, batteries=())


def headings(text: str) -> list[str]:
    """Headings outside fenced blocks, by the CommonMark rule for fences."""
    found, fence = [], ""
    for line in text.splitlines():
        mark = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line == mark and len(mark) >= len(fence) else fence
        elif len(mark) >= 3:
            fence = mark
        elif line.startswith("#"):
            found.append(line)
    return found
