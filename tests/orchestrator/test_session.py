"""What becomes of a run that was finished, by this version or an older one."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder
from tests.old_stores import back_to_first_schema


@pytest.fixture
def finished(trained: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of a finished run."""
    return RunFolder(shutil.copytree(trained.root, tmp_path / "run"))


def test_a_finished_run_of_an_older_version_is_migrated_by_resuming_it(
    finished: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    back_to_first_schema(finished.metrics_db)
    assert main(["report", str(finished.root)]) == 2
    assert "resume the run once, which migrates it" in capsys.readouterr().err
    assert main(["--resume", str(finished.root)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert main(["report", str(finished.root)]) == 0


def test_resuming_a_finished_run_makes_its_report_again(
    trained: RunFolder, finished: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    report = finished.report_markdown.read_text(encoding="utf-8")
    report = report.replace(str(trained.root), str(finished.root))
    finished.report_markdown.unlink()
    assert main(["--resume", str(finished.root)]) == 0
    assert finished.report_markdown.read_text(encoding="utf-8") == report
    assert "extend it with" in capsys.readouterr().out


def told_of(folder: RunFolder) -> dict[str, list[str]]:
    """What the store has of the run, without the moments at which it was written."""
    with MetricsStore.open(folder.metrics_db, writer=False) as store:
        run_id = store.latest_run()
        assert run_id is not None
        row = store.run(run_id)
        assert row is not None
        moments = {"created_at", "updated_at"}
        records = {
            "run": [{key: value for key, value in row.columns.items() if key not in moments}],
            "steps": store.steps(run_id),
            "members": store.members(run_id),
            "generations": store.generations(run_id),
            "phases": store.phases(run_id),
            "decisions": store.decisions(run_id),
            "findings": store.findings(run_id),
            "synchrony": store.synchrony(run_id),
            "batteries": store.batteries(run_id),
            "events": store.events(run_id),
            "ledger": store.ledger(run_id),
        }
        return {name: sorted(map(repr, of)) for name, of in records.items() if of is not None}


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_store_that_is_moved_away_is_made_again_row_for_row(
    finished: RunFolder, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    before = told_of(finished)
    assert all(before[name] for name in ("steps", "members", "decisions", "events"))
    if damage == "damaged":
        finished.metrics_db.write_bytes(b"no database")
        assert main(["--resume", str(finished.root)]) == 2
        assert "move it away and resume: it is made again" in capsys.readouterr().err
    finished.metrics_db.unlink()
    assert main(["--resume", str(finished.root)]) == 0
    assert told_of(finished) == before
    assert "was gone and was made again" in finished.log.read_text(encoding="utf-8")
    assert main(["verify", str(finished.root), "--replay"]) == 0


def test_a_run_goes_on_without_a_store_that_cannot_be_made_again(finished: RunFolder) -> None:
    rows = finished.results_jsonl.read_bytes()
    finished.results_jsonl.write_bytes(rows.replace(b'"status":"trained"', b'"status":"drained"'))
    finished.metrics_db.unlink()
    told = "metrics.db was gone, and its figures up to here cannot be made again"
    for more in ([], ["--budget", "70", "--plain"]):
        assert main(["--resume", str(finished.root), *more]) == 0
        log = finished.log.read_text(encoding="utf-8")
        assert log.count(f"{told}: {finished.results_jsonl} line 1 is damaged") == 1
    assert len(told_of(finished)["steps"]) > 0


def test_an_extended_run_whose_store_is_gone_has_the_rows_of_its_beginning(
    finished: RunFolder,
) -> None:
    before = told_of(finished)
    finished.metrics_db.unlink()
    assert main(["--resume", str(finished.root), "--budget", "70", "--plain"]) == 0
    after = told_of(finished)
    for name in ("steps", "members", "decisions", "synchrony", "events"):
        assert set(before[name]) <= set(after[name])
    assert main(["verify", str(finished.root), "--replay"]) == 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EIO])
def test_a_report_of_a_folder_that_may_not_be_written_is_printed_all_the_same(
    finished: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    def refuses(path: Path, _: bytes) -> None:
        raise OSError(number, os.strerror(number), str(path))

    before = finished.report_markdown.read_text(encoding="utf-8")
    monkeypatch.setattr("state.durable.write_atomically", refuses)
    code = main(["report", str(finished.root)])
    printed = capsys.readouterr()
    if number == errno.EIO:
        assert code != 0
        return
    assert code == 0
    assert before.splitlines()[0] in printed.out
    assert f"the report is not kept: {os.strerror(number)}" in printed.err
