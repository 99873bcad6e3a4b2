"""Whatever became of a run's files, what reads them answers or refuses in one line."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import JsonValue

from state.sealed import Document, unseal
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import altered, as_json, damaged, json_values, sealed
from tests.fuzz.program import Verdict, call, tree, verdict

COMMANDS = (
    ("status", "run"),
    ("status", "run", "--json"),
    ("report", "run"),
    ("export", "run", "--to", "out"),
    ("sample", "run", "--tokens", "2"),
    ("verify", "run"),
    ("watch", "run", "--plain"),
    ("stop", "run"),
    # Refused at the latest when the run was loaded: a budget of 1 extends nothing.
    ("--resume", "run", "--budget", "1"),
)
READERS = st.sampled_from(COMMANDS)


def asked(sandbox: Path, command: tuple[str, ...]) -> Verdict:
    """The verdict; a refusal changes nothing, an answer nothing but the run and its export."""
    before = tree(sandbox)
    found = answered(command)
    after = tree(sandbox)
    if found == "accepted":
        before, after = (elsewhere(one) for one in (before, after))
    assert after == before
    shutil.rmtree(sandbox / "out", ignore_errors=True)
    return found


def answered(command: tuple[str, ...]) -> Verdict:
    """`verify` alone may find fault with code 1 and a list."""
    reply = call(*command)
    if command[0] == "verify" and reply.code == 1:
        assert not reply.stderr, reply.stderr
        assert "FAIL" in reply.stdout
        return "refused"
    return verdict(reply)


def elsewhere(files: dict[str, str]) -> dict[str, str]:
    return {name: one for name, one in files.items() if name.split("/")[0] not in {"run", "out"}}


@pytest.fixture
def document(run: Path) -> Document:
    """What state.json says, its seal removed."""
    return unseal((run / "state.json").read_bytes())


def test_a_damaged_commit_is_left_for_the_one_before_it(
    fuzz: Fuzz, sandbox: Path, run: Path
) -> None:
    whole = (run / "state.json").read_bytes()

    def check(case: tuple[tuple[str, ...], bytes]) -> Verdict:
        command, content = case
        (run / "state.json").write_bytes(content)
        try:
            return asked(sandbox, command)
        finally:
            (run / "state.json").write_bytes(whole)

    fuzz(st.tuples(READERS, damaged(whole) | st.binary(max_size=40)), check, share=0.2)


def test_a_report_of_a_run_that_is_not_finished_is_refused(sandbox: Path, run: Path) -> None:
    """The commit before the last one is of a run without a winner."""
    (run / "state.json").write_bytes(b"")
    before = tree(sandbox)
    reply = call("report", "run")
    assert verdict(reply) == "refused"
    assert "is not finished; resume it" in reply.stderr
    assert tree(sandbox) == before


def test_damaged_commits_without_another_are_refused(fuzz: Fuzz, sandbox: Path, run: Path) -> None:
    whole = (run / "state.json").read_bytes()
    (run / "state.json.prev").unlink()

    def check(case: tuple[tuple[str, ...], bytes]) -> Verdict:
        command, content = case
        (run / "state.json").write_bytes(content)
        found = asked(sandbox, command)
        assert found == "refused" or json.loads(content) == json.loads(whole)
        return found

    fuzz(st.tuples(READERS, damaged(whole)), check, share=0.2)


def test_a_sealed_commit_of_any_content_is_read_or_refused(
    fuzz: Fuzz, sandbox: Path, run: Path, document: Document
) -> None:
    (run / "state.json.prev").unlink()

    def check(case: tuple[tuple[str, ...], JsonValue]) -> Verdict:
        command, content = case
        (run / "state.json").write_bytes(sealed(content))
        return asked(sandbox, command)

    fuzz(st.tuples(READERS, contents(document)), check, share=0.3)


def contents(document: Document) -> SearchStrategy[JsonValue]:
    """The document with something changed: anywhere, in the run's state or configuration."""
    saved = document["state"]
    assert isinstance(saved, dict)

    def inside(part: str) -> SearchStrategy[JsonValue]:
        return altered(saved[part]).map(lambda value: {**document, "state": {**saved, part: value}})

    return altered(document) | inside("run") | inside("config")


def test_any_damaged_file_of_a_run_is_told_or_does_not_matter(
    fuzz: Fuzz, sandbox: Path, run: Path
) -> None:
    whole = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    written = {run / "final-report.json", run / "report.md", *(run / "model").iterdir()}

    def check(case: tuple[tuple[str, ...], tuple[Path, bytes]]) -> Verdict:
        command, (path, content) = case
        path.write_bytes(content)
        try:
            return asked(sandbox, command)
        finally:
            for one in {path} | (written if command[0] == "report" else set()):
                one.write_bytes(whole[one])

    files = st.sampled_from(sorted(whole)).flatmap(
        lambda path: damaged(whole[path]).map(lambda content: (path, content))
    )
    fuzz(st.tuples(READERS, files), check, share=0.2)


def test_a_journal_with_any_row_is_told_or_does_not_matter(
    fuzz: Fuzz, sandbox: Path, run: Path
) -> None:
    names = ("events.jsonl", "metrics.jsonl", "results.jsonl", "log.txt")
    whole = {name: (run / name).read_bytes() for name in names}

    def check(case: tuple[tuple[str, ...], str, int, JsonValue]) -> Verdict:
        command, name, number, row = case
        (run / name).write_bytes(with_row(whole[name], number, as_json(row)))
        try:
            return asked(sandbox, command)
        finally:
            (run / name).write_bytes(whole[name])

    readers = st.sampled_from((("verify", "run"), ("watch", "run", "--plain")))
    rows = json_values() | st.dictionaries(st.sampled_from(FACTS), json_values())
    cases = st.tuples(readers, st.sampled_from(names), st.integers(0, 9), rows)
    fuzz(cases, check, share=0.1)


FACTS = ("kind", "at", "generation", "phase", "member_id", "step", "data", "budget", "formula")


def with_row(journal: bytes, number: int, row: bytes) -> bytes:
    """The journal with another row in a line, which keeps its length where the row is shorter."""
    lines = journal.split(b"\n")
    lines[number] = row.ljust(len(lines[number]))
    return b"\n".join(lines)


@pytest.mark.parametrize("name", ["train.bin", "search.txt", "test.lengths.bin", "tokenizer.json"])
def test_a_run_does_not_go_on_with_a_flipped_bit_in_its_text(
    sandbox: Path, run: Path, name: str
) -> None:
    path = run / "data" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    before = tree(sandbox)
    reply = call("--resume", "run", "--budget", "90")
    assert verdict(reply) == "refused"
    assert f"{name} is missing or damaged; restore it" in reply.stderr
    assert tree(sandbox) == before
