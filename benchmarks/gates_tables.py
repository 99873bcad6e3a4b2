"""What the runs of `benchmarks.gates` came to, as tables of docs/design/gates.md."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from benchmarks.kept_rows import Row

GATES = ("G0", "G1", "G2", "G3", "G3.5", "G4", "G5")
RANGES = {
    "G3.0": "loss",
    "G3.1": "gradient",
    "G3.5.0": "cosine",
    "G3.5.1": "top-5",
    "G3.5.2": "outgrown",
    "G5.0": "loss over gpt's",
}
"""Numbers whose range over the seeds is told."""


def case_table(runs: Mapping[str, JsonValue]) -> str:
    """A row a run, a verdict a gate: that of `symbio-auto gates` where there is one, else the
    run's own.
    """
    lines = [_line(["run", *GATES, "stopped by"]), _line(["---"] * (len(GATES) + 2))]
    for name, row in runs.items():
        assert isinstance(row, dict)
        verdicts = {one["gate"]: str(one["verdict"]) for one in _listed(row, "in_run")}
        verdicts |= {one["gate"]: str(one["verdict"]) for one in _listed(row, "again")}
        told = [verdicts.get(gate, "-") for gate in GATES]
        shown = [f"**{one}**" if one == "fail" else one for one in told]
        lines.append(_line([name, *shown, str(row["stopped"]) or "-"]))
    return "\n".join(lines)


def seed_table(healthy: Mapping[str, JsonValue]) -> str:
    """A row a backbone: how often its gates said what over all seeds, and the range of numbers."""
    lines = [_line(["backbone", "pass", "warn", "not judged", "fail", *RANGES.values()])]
    lines.append(_line(["---"] * (5 + len(RANGES))))
    for name, row in healthy.items():
        assert isinstance(row, dict)
        verdicts, ranges = row["verdicts"], row["ranges"]
        assert isinstance(verdicts, dict)
        assert isinstance(ranges, dict)
        counts = [
            str(sum(_counted(one, said) for one in verdicts.values()))
            for said in ("pass", "warn", "not judged", "fail")
        ]
        lines.append(_line([name, *counts, *(_range(ranges.get(one)) for one in RANGES)]))
    return "\n".join(lines)


def _counted(verdicts: JsonValue, said: str) -> int:
    assert isinstance(verdicts, dict)
    found = verdicts.get(said, 0)
    assert isinstance(found, int)
    return found


def _listed(row: Row, name: str) -> list[Row]:
    listed = row[name]
    assert isinstance(listed, list)
    return [one for one in listed if isinstance(one, dict)]


def _range(found: JsonValue) -> str:
    if not isinstance(found, list):
        return "-"
    low, high = (f"{one:.3g}" for one in found if isinstance(one, int | float))
    return f"{low} to {high}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
