"""`verify` believes nothing that it can check, and touches nothing."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commands.verify import examine
from orchestrator.commits import restore
from orchestrator.preparation import prepare_resume
from orchestrator.report.finish import finish
from orchestrator.run_state import RunState
from orchestrator.session import execute
from orchestrator.verification.check import Check
from orchestrator.verification.database import check_database
from orchestrator.verification.files import check_journals, check_objects, check_seals
from orchestrator.verification.replayed import replay_checks
from orchestrator.verification.snapshot import Snapshot, settled
from state.commit import load_commit
from state.metrics_store import MetricsStore
from state.results import Outcome
from state.run_folder import RunFolder
from state.tasks import Task
from tests.builders import ScriptedEngine, ScriptedRun, make_config


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {one.name: one for one in checks}


def failures(checks: list[Check]) -> dict[str, str]:
    return {one.name: one.found for one in checks if one.status == "failed"}


@pytest.fixture
def copy(scripted: ScriptedRun, tmp_path: Path) -> RunFolder:
    """The run, to be damaged."""
    return RunFolder(Path(shutil.copytree(scripted.folder.root, tmp_path / "copy")))


def replay(folder: RunFolder) -> list[Check]:
    return replay_checks(folder, load_commit(folder).record)


def changed_rows(folder: RunFolder, change: Callable[[dict], None], place: int) -> None:  # type: ignore[type-arg]
    """Change one row of results.jsonl and leave the file as long as it was."""
    lines = folder.results_jsonl.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[place])
    change(row)
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    assert len(text) <= len(lines[place])
    lines[place] = text.ljust(len(lines[place]))
    folder.results_jsonl.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_what_a_run_decided_follows_from_its_results(scripted: ScriptedRun) -> None:
    checks = replay(scripted.folder)
    assert [one.name for one in checks] == [
        "replay: decisions",
        "replay: events",
        "replay: ledger",
        "replay: phases",
        "replay: state",
    ]
    assert not failures(checks)


def test_a_result_that_was_altered_shows_in_the_first_decision_that_it_changes(
    copy: RunFolder,
) -> None:
    lines = copy.results_jsonl.read_text(encoding="utf-8").splitlines()
    names = [json.loads(line)["task_id"] for line in lines]
    victim = names.index("g00004-l0-champion")

    def better(row: dict) -> None:  # type: ignore[type-arg]
        evaluation = row["evaluations"][0]
        evaluation["nats"] = round(evaluation["nats"] * 0.98, 2)

    assert not failures(replay(copy))
    changed_rows(copy, better, victim)
    found = failures(replay(copy))
    with MetricsStore.open(copy.metrics_db, writer=False) as store:
        decisions = store.decisions(load_commit(copy).record.run_id)
    number = next(n for n, one in enumerate(decisions, start=1) if one.generation == 4)
    assert found["replay: decisions"].startswith(f"decision {number} (generation 4, ")
    assert "best_bits_per_byte is" in found["replay: decisions"]
    assert found.keys() >= {"replay: events", "replay: state"}


def test_a_result_that_is_gone_stops_the_replay_and_is_named(copy: RunFolder) -> None:
    lines = copy.results_jsonl.read_text(encoding="utf-8").splitlines(keepends=True)
    taken = json.loads(lines[5])["task_id"]
    lines[5] = lines[5].replace(taken, "x" * len(taken))
    copy.results_jsonl.write_text("".join(lines), encoding="utf-8")
    found = failures(replay(copy))
    assert "line 6 is xxxx" in found["replay: decisions"]
    assert f"where {taken} (training) is asked for" in found["replay: decisions"]


def test_a_decision_that_was_altered_is_named(copy: RunFolder) -> None:
    with sqlite3.connect(copy.metrics_db) as database:
        database.execute("update decisions set kind = 'revert' where idx = 3")
    database.close()
    found = failures(replay(copy))
    assert found.keys() == {"replay: decisions"}
    assert "decision 4 (generation" in found["replay: decisions"]
    assert "was 'revert: " in found["replay: decisions"]


def test_an_event_that_was_altered_is_named(copy: RunFolder) -> None:
    lines = copy.events_jsonl.read_text(encoding="utf-8").splitlines()
    lines[0] = lines[0].replace("abiogenesis", "abiogenesiS")
    copy.events_jsonl.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert failures(replay(copy)) == {
        "replay: events": "event 1 (phase_started): phase is abiogenesiS, "
        "the replay gives abiogenesis"
    }


def without_torch(folder: RunFolder) -> dict[str, str]:
    """What fails of the checks that need no model."""
    checks = check_seals(folder)
    for part in (check_objects, check_journals, check_database):
        checks += settled(folder, part)
    return failures(checks)


def test_a_whole_run_passes(scripted: ScriptedRun) -> None:
    assert without_torch(scripted.folder) == {}


def flip(path: Path, place: int = -20) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_found_in_whatever_file_it_is(copy: RunFolder) -> None:
    flip(copy.state_previous)
    assert without_torch(copy).keys() == {"state.json.prev"}
    flip(copy.state_previous)
    sha = next(iter(load_commit(copy).record.objects))
    flip(next(copy.objects.glob(f"{sha}*")))
    assert sha[:12] in without_torch(copy)["objects"]
    flip(next(copy.objects.glob(f"{sha}*")))
    flip(copy.state)
    assert "state.json" in without_torch(copy)


def test_a_journal_that_is_too_short_or_torn_is_found(copy: RunFolder) -> None:
    whole = copy.events_jsonl.read_bytes()
    copy.events_jsonl.write_bytes(whole[:-40])
    assert "events.jsonl has" in without_torch(copy)["journals"]
    copy.events_jsonl.write_bytes(whole.replace(b'{"generation"', b'["generation"', 1))
    assert "events.jsonl line 1 is no JSON object" in without_torch(copy)["journals"]


@pytest.mark.parametrize(
    ("statement", "name", "words"),
    [
        ("delete from decisions where idx = 5", "history", "decisions has"),
        ("delete from members where generation = 4", "members", "no row in the store"),
        ("update members set steps = steps + 1 where generation = 4", "members", "in its result"),
        ("delete from metrics where generation = 4", "steps", "only in metrics.jsonl"),
    ],
)
def test_a_row_that_does_not_fit_its_result_is_found(
    copy: RunFolder, statement: str, name: str, words: str
) -> None:
    with sqlite3.connect(copy.metrics_db) as database:
        database.execute(statement)
    database.close()
    found = without_torch(copy)
    assert found.keys() == {name}
    assert words in found[name]


def test_a_run_at_work_passes_at_any_moment(tmp_path: Path) -> None:
    class Watched(ScriptedEngine):
        seen = 0

        def answer(self, task: Task) -> Outcome:
            if self.calls % 5 == 0 and folder.state.exists():
                assert without_torch(folder) == {}
                assert not failures(settled(folder, lambda now: replay_checks(folder, now.record)))
                self.seen += 1
            return super().answer(task)

    folder = RunFolder(tmp_path)
    engine = Watched(tmp_path)
    ScriptedRun(tmp_path, make_config(budget=60), engine).play()
    assert engine.seen > 3


def test_a_check_that_fails_is_made_again_if_the_run_has_moved_on_and_only_then(
    copy: RunFolder,
) -> None:
    seen: list[Snapshot] = []

    def fails_once(now: Snapshot) -> list[Check]:
        seen.append(now)
        shutil.copyfile(copy.state_previous, copy.state)
        return [Check(name="x", status="failed" if len(seen) == 1 else "ok", found="")]

    def fails_always(now: Snapshot) -> list[Check]:
        seen.append(now)
        return [Check(name="x", status="failed", found="")]

    assert settled(copy, fails_once)[0].status == "ok"
    assert len(seen) == 2
    assert settled(copy, fails_always)[0].status == "failed"
    assert len(seen) == 3


def contents(folder: RunFolder) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder.root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.root.rglob("*"))
        if path.is_file()
    }


def test_a_trained_run_deserves_its_headline(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(trained)
    assert main(["verify", str(trained.root), "--replay", "--json"]) == 0
    checks = by_name([Check.model_validate(one) for one in json.loads(capsys.readouterr().out)])
    assert {one.status for one in checks.values()} == {"ok"}
    assert {"export", "report", "headline (search)", "headline (test)"} <= checks.keys()
    assert "the same to the last bit" in checks["headline (test)"].found
    after = contents(trained)
    assert {name for name in after if before.get(name) != after[name]} <= {
        "metrics.db-shm",
        "metrics.db-wal",
    }


def test_claims_that_the_bytes_do_not_bear_out_fail(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "copy")))
    flip(copy.model / "model.safetensors")
    flip(copy.data / "search.bin")
    report = json.loads(copy.final_report.read_text(encoding="utf-8"))
    report["test"]["bits_per_byte"] -= 0.01
    copy.final_report.write_text(json.dumps(report), encoding="utf-8")
    assert main(["verify", str(copy.root)]) == 1
    printed = capsys.readouterr().out
    assert "FAIL dataset" in printed
    assert "FAIL export" in printed
    assert "FAIL report" in printed
    assert "test.bits_per_byte is" in printed
    assert "FAIL headline (search)" in printed
    assert "ok   headline (test)" in printed


def test_a_run_whose_commits_are_both_damaged_fails_and_is_not_taken_for_no_run(
    copy: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(copy.state)
    flip(copy.state_previous)
    found = failures(examine(copy, replay=True))
    assert found.keys() == {"state.json", "state.json.prev", "commit"}
    assert main(["verify", str(copy.root)]) == 1
    assert main(["verify", str(tmp_path)]) == 2
    assert "holds no run, it has no state.json; give the folder" in capsys.readouterr().err


def test_a_run_in_progress_is_checked_as_far_as_it_is(trained: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "copy")))
    shutil.copyfile(copy.state_previous, copy.state)
    state: RunState = restore(load_commit(copy).record).run
    assert state.status == "running"
    checks = by_name(examine(copy, replay=True))
    assert not failures(list(checks.values()))
    assert checks["export"].status == checks["report"].status == "skipped"
    assert checks["headline (search)"].status == "ok"
    assert "headline (test)" not in checks


def test_a_run_that_was_extended_is_replayed_from_its_files(
    trained: RunFolder, tmp_path: Path
) -> None:
    copy = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "copy")))
    ended = execute(prepare_resume(copy.root, budget=72), started_at=time.monotonic())
    assert ended.state.extended_count == 1
    assert copy.results_jsonl.read_text(encoding="utf-8").count('"kind":"extended"') == 1
    finish(copy, restore(load_commit(copy).record))
    checks = examine(copy, replay=True)
    assert {one.status for one in checks} == {"ok"}
