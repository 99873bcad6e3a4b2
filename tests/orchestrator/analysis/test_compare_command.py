"""`symbio-auto compare` on runs on disk."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.analysis.compare.facts import load_facts, short_names
from orchestrator.analysis.compare.measure import byte_blocks
from orchestrator.cli import main
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder


@pytest.fixture(scope="module")
def again(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run in another folder."""
    folder = tmp_path_factory.mktemp("copied") / "again"
    shutil.copytree(trained.root, folder)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    capsys.readouterr()
    assert main(["compare", *map(str, words)]) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert printed.out == ""
    return line


def test_a_run_against_itself_does_not_differ(
    trained: RunFolder, again: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(trained.root), str(again / "state.json"), "--all"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    assert text.splitlines()[0].split() == ["run", "again"]
    assert "Not shown that one is better" in " ".join(text.split())
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    assert rows["status"][1:] == ["finished", "finished"]


def test_the_figures_are_those_of_the_final_report(
    trained: RunFolder, again: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(trained.root), str(again), "--json", "--measure"]) == 0
    found = json.loads(capsys.readouterr().out)
    report = json.loads(trained.final_report.read_text(encoding="utf-8"))
    run = found["runs"][0]
    for split in ("test", "search"):
        expected = report[split]["bits_per_byte"]
        assert run[split]["bits_per_byte"] == pytest.approx(expected)
    assert run["parameters"] == report["model"]["parameters"]
    assert (run["budget"], run["spent"]) == (60, 60)
    assert run["tokens"] == report["cost"]["tokens"]
    assert run["order2"] == report["order2"]["bits_per_byte"]
    with MetricsStore.open(trained.metrics_db, writer=False) as store:
        battery = store.batteries(report["run_id"])[-1]
    assert run["battery"]["composite"] == battery.composite
    measured = found["measured"]["standings"]
    expected = report["search"]["bits_per_byte"]
    assert [one["loss"]["bits_per_byte"] for one in measured] == pytest.approx([expected] * 2)
    assert measured[1]["difference"]["bits_per_byte"] == pytest.approx(0, abs=1e-6)
    assert report["test_openings"] == 1


def test_the_loss_by_bytes_is_the_whole_loss(trained: RunFolder) -> None:
    blocks = byte_blocks(trained.root)
    report = json.loads(trained.final_report.read_text(encoding="utf-8"))
    assert len(blocks) == 64
    lengths = [length for _, length in blocks]
    assert max(lengths) - min(lengths) <= 1
    nats = report["search"]["nats_per_token"] * report["search"]["tokens"]
    assert sum(one for one, _ in blocks) == pytest.approx(nats, rel=1e-5)


def test_without_a_store_the_battery_is_the_best_models_own(again: Path, tmp_path: Path) -> None:
    shutil.copytree(again, tmp_path / "bare")
    for path in (tmp_path / "bare").glob("metrics.db*"):
        path.unlink()
    whole, bare = load_facts([again, tmp_path / "bare"])
    assert whole.battery is not None
    assert bare.model_copy(update={"battery": None, "name": "", "folder": ""}) == whole.model_copy(
        update={"battery": None, "name": "", "folder": ""}
    )


def test_what_cannot_be_compared_is_one_line(
    trained: RunFolder, again: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "1 run cannot be compared; name 2 to 24" in refused(capsys, again)
    assert "25 runs cannot be compared" in refused(capsys, *[again] * 25)
    assert "is named twice" in refused(capsys, again, trained.root, again / "state.json")
    assert "neither a run folder nor its state.json" in refused(capsys, again, tmp_path / "none")
    assert "state.json does not exist" in refused(capsys, again, tmp_path)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "state.json").write_text("{", encoding="utf-8")
    assert "damaged" in refused(capsys, again, tmp_path / "torn")


def test_names_are_as_short_as_they_can_be() -> None:
    assert short_names([Path("/x/a/run"), Path("/x/b/run")]) == ["a/run", "b/run"]
    assert short_names([Path("/x/a"), Path("/y/b")]) == ["a", "b"]


def test_models_of_other_text_are_not_measured(
    again: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(again, other)
    manifest = json.loads((other / "data" / "manifest.json").read_text(encoding="utf-8"))
    for split in manifest["splits"].values():
        split["text_sha256"] = "f" * 64
    (other / "data" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["compare", str(again), str(other), "--measure"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Bits per byte cannot be compared: the test text is not the same bytes" in text
    assert "Measured again: nothing, since the search text is not the same bytes" in text
