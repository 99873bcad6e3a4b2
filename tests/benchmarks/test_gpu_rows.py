"""Measures on a device keep what they have found, and go on where they stopped."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks.gpu import all as driver
from benchmarks.gpu.ceilings import measure
from benchmarks.gpu.place import Place, Row, Rows, flags


def place(out: Path, minutes: float = 5) -> Place:
    words = ["--out", str(out), "--device", "cpu", "--toy", "--minutes", str(minutes)]
    return Place.of("tried", flags(None).parse_args(words))


def test_a_row_that_was_found_is_not_measured_again(tmp_path: Path) -> None:
    measured: list[str] = []

    def one(name: str) -> Row:
        measured.append(name)
        return {"figure": 1.5}

    Rows(place(tmp_path)).add("a", lambda: one("a"))
    again = Rows(place(tmp_path))
    assert again.add("a", lambda: one("a")) == again.found["a"]
    again.add("b", lambda: one("b"))
    assert measured == ["a", "b"]
    record = json.loads((tmp_path / "tried.json").read_text(encoding="utf-8"))
    assert list(record["rows"]) == ["a", "b"]
    assert record["device"]["device"] == "cpu"


def test_what_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    def fails() -> Row:
        raise RuntimeError("no kernel image is available")

    rows = Rows(place(tmp_path))
    rows.add("a", fails)
    rows.add("b", lambda: {"figure": 1})
    with pytest.raises(SystemExit, match="failed: a"):
        rows.end()
    again = Rows(place(tmp_path))
    assert list(again.found) == ["b"]


def test_no_row_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    rows = Rows(place(tmp_path, minutes=0))
    assert rows.add("a", lambda: {"figure": 1}) is None
    assert not rows.found


def test_ceilings_are_positive(tmp_path: Path) -> None:
    rows = Rows(place(tmp_path))
    measure(rows)
    figures = [row.get("terabytes_per_second", row.get("teraflops")) for row in rows.found.values()]
    assert all(isinstance(one, float) and one > 0 for one in figures)


def test_the_driver_hands_its_flags_on(tmp_path: Path) -> None:
    arguments = argparse.Namespace(
        out=tmp_path, device="cpu", toy=True, data=Path("text.txt"), nanogpt=None, minutes=1
    )
    words = driver.command(driver.MEASURES[0], Place.of("all", arguments), 90)
    assert words[1:3] == ["-m", "benchmarks.gpu.ceilings"]
    assert " ".join(words[3:]) == (
        f"--out {tmp_path} --device cpu --minutes 1.50 --toy --data text.txt"
    )
