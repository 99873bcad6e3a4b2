"""The table of the recurrent backbones goes on where it was stopped, and reads its bars."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.hybrids import REPEATED, finished_run, key_of, plan, shape_near, table_of
from benchmarks.hybrids_table import line, ratios, summary, verdicts
from benchmarks.kept_rows import KeptRows, Row
from state.genome import parse
from trainer.backbones.names import list_backbones
from trainer.widths import num_parameters

ASKED = Namespace(
    backbones=[*list_backbones()],
    seeds=3,
    steps=10,
    block=64,
    batch=32,
    dim=None,
    parameters=3_600_000,
)
ASKED.set = []


def row(nats: float, share: float = 0.4, inside: float | None = 1.0) -> Row:
    return {
        "nats": nats,
        "perplexity": 2.0,
        "parameters": 10,
        "tokens_per_second": 5.0,
        "seconds": 1.0,
        "peak_megabytes": 7.0,
        "ablation_shares": {"rwkv6": share, "mamba2": 1 - share},
        "ratios_inside": inside,
    }


def test_every_backbone_has_its_first_seed_before_any_has_a_second() -> None:
    order = list(plan(ASKED))
    assert [backbone for backbone, seed in order[:5]] == [*REPEATED]
    assert [seed for _, seed in order] == sorted(seed for _, seed in order)
    assert len(order) == len(set(order)) == len(list_backbones()) + 2 * len(REPEATED)


@pytest.mark.parametrize("backbone", list_backbones())
def test_all_have_about_as_many_parameters(backbone: str) -> None:
    shape = shape_near(backbone, 3_600_000, 64)  # type: ignore[arg-type]
    assert num_parameters(shape, parse("gelu")) == pytest.approx(3_600_000, rel=0.06)


def test_what_is_finished_is_found_and_a_line_that_was_cut_off_is_not(tmp_path: Path) -> None:
    kept = KeptRows(tmp_path / "new" / "rows.jsonl")
    key = key_of(ASKED, "gf", 0)
    assert kept.find(key) is None
    kept.add({**key, **row(1.5)})
    with kept.path.open("a") as file:
        file.write('{"backbone": "hy", "se')
    kept.add({**key_of(ASKED, "hy", 1), **row(1.6)})
    assert [one["nats"] for one in kept.rows()] == [1.5, 1.6]
    assert kept.find(key) == {**key, **row(1.5)}
    other = Namespace(**{**vars(ASKED), "set": ["model.attention_every=4"]})
    assert kept.find(key_of(other, "gf", 0)) is None
    assert list(table_of(ASKED, kept)) == ["hy", "gf"]


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Namespace(**vars(ASKED), data="text.txt", scratch=tmp_path)
    begun: list[Sequence[str]] = []

    def cut_off_once(command: Sequence[str], _: Sequence[str]) -> float:
        begun.append(command)
        if len(begun) == 1:
            folder = Path(command[-1])
            folder.mkdir()
            (folder / "state.json").touch()
            raise KeyboardInterrupt
        return 7.0

    monkeypatch.setattr("benchmarks.hybrids.peak_megabytes", cut_off_once)
    shape = shape_near("gf", 3_600_000, 64)
    with pytest.raises(KeyboardInterrupt):
        finished_run(asked, shape, 0)
    folder, peak = finished_run(asked, shape, 0)
    assert (folder.state.exists(), peak) == (True, 7.0)
    assert begun[0][3] == "train"
    assert begun[1][3:5] == ["--resume", str(folder.state)]
    assert finished_run(asked, shape, 0) == (folder, 7.0)
    assert len(begun) == 2


def test_the_bars_name_those_that_miss_them() -> None:
    table = {"gf": summary([row(1.48), row(1.50)]), "hy": summary([row(1.6, 0.02, 0.5)])}
    assert list(verdicts(table).values()) == ["gf 1.4900, yes", "all but hy", "all but hy"]
    assert "1.4900 +-0.0141" in line("gf", table["gf"])
    assert "rwkv6 40% mamba2 60%" in line("gf", table["gf"])
    assert verdicts({}) == {}


def test_ratios_are_those_of_the_components_where_there_are_two() -> None:
    norms = [{"grad_norm_rwkv6": float(n % 5), "grad_norm_mamba2": 1.0} for n in range(400)]
    found = ratios(
        [{**one, "grad_norm_attention": 9.0, "grad_norm_feed_forward": 1.0} for one in norms]
    )
    assert found["ratios_inside"] == 0.75
    assert found["ratio_median"] == 2.5
    attentive = ratios([{"grad_norm_attention": 9.0, "grad_norm_feed_forward": 1.0}])
    assert attentive["ratios_inside"] == 0
    assert ratios([{"grad_norm_rwkv6": 1.0, "grad_norm_mamba2": None}]) == {"ratios_inside": None}
