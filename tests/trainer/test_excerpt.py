"""Reading part of a large text."""

from itertools import pairwise
from pathlib import Path

from trainer.excerpt import NUM_STRETCHES, excerpt


def test_a_short_text_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("Été.\r\nWinter.", encoding="utf-8", newline="")
    assert excerpt(path, 100) == "Été.\r\nWinter."


def test_a_long_text_is_read_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "text"
    lines = [f"line {i:05d} é" for i in range(20_000)]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = excerpt(path, 64 * 160)
    assert len(found.encode()) <= 64 * 160 + NUM_STRETCHES
    assert found.startswith("line 00000")
    assert found.endswith("line 19999 é")
    numbers = [
        int(part) for part in found.replace("é", " ").split() if len(part) == 5 and part.isdigit()
    ]
    assert numbers == sorted(numbers)
    assert max(b - a for a, b in pairwise(numbers)) < 400
    assert set(found.split("\n")) & set(lines)
