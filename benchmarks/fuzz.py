"""What fuzzing covers: every target of tests/fuzz with its examples, verdicts and time.

python -m benchmarks.fuzz --examples 20000 [--seed 7] [--only test_formulas] [--save]

`--examples` are those of an entrance (a file of tests/fuzz), which its targets share. A seed draws
other examples than the fixed ones.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from pydantic import JsonValue

from benchmarks.recording import write_result

ROOT = Path(__file__).parent.parent


class Target(NamedTuple):
    """One line of the table."""

    entrance: str
    claim: str
    accepted: int
    refused: int
    seconds: float
    held: bool

    @property
    def examples(self) -> int:
        """Those that were checked."""
        return self.accepted + self.refused


def main() -> int:
    """Fuzz and print the table; exit code 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="", help="tests whose name contains this")
    parser.add_argument("--save", action="store_true", help="write results/fuzz.json")
    arguments = parser.parse_args()
    targets = fuzz(arguments.examples, arguments.seed, arguments.only)
    for line in table(targets):
        print(line)
    if arguments.save:
        rows: list[JsonValue] = [{**one._asdict(), "examples": one.examples} for one in targets]
        print(write_result("fuzz", {"seed": arguments.seed, "targets": rows}))
    return 0 if targets and all(one.held for one in targets) else 1


def fuzz(examples: int, seed: int | None, only: str) -> list[Target]:
    """Run the tests in a process of their own and read what they recorded."""
    chosen = {"SYMBIO_FUZZ_EXAMPLES": str(examples)}
    if seed is not None:
        chosen["SYMBIO_FUZZ_SEED"] = str(seed)
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/fuzz", "--quiet", "-m", "not soak"]
        command += ["-k", f"quick and {only}" if only else "quick", "--timeout", "36000"]
        command += ["--tb", "short", "-o", "junit_family=xunit1", "--junit-xml", str(report)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **chosen}, check=False)
        return [_target(case) for case in ElementTree.parse(report).iter("testcase")]


def table(targets: list[Target]) -> list[str]:
    """Markdown."""
    lines = [
        "| entrance | claim | examples | refused | accepted | seconds |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for one in targets:
        claim = one.claim if one.held else f"BROKEN: {one.claim}"
        figures = f"{one.examples:,} | {one.refused:,} | {one.accepted:,} | {one.seconds:.0f}"
        lines.append(f"| {one.entrance} | {claim} | {figures} |")
    lines.append(f"| | all | {sum(one.examples for one in targets):,} | | | |")
    return lines


def _target(case: ElementTree.Element) -> Target:
    figures: dict[str, float] = {}
    for entry in case.iter("property"):
        if entry.get("name") == "fuzz":
            figures = json.loads(entry.get("value") or "{}")
    module, name = case.get("classname") or "", case.get("name") or ""
    return Target(
        entrance=_words(module.rpartition(".")[2]),
        claim=_words(name.partition("[")[0]),
        accepted=int(figures.get("accepted", 0)),
        refused=int(figures.get("refused", 0)),
        seconds=float(figures.get("seconds", 0)),
        held=case.find("failure") is None and case.find("error") is None,
    )


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    raise SystemExit(main())
