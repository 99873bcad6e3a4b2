"""What cannot be had is refused in one line, and nothing is rented or touched."""

from pathlib import Path

import pytest

from deploy.cloud.record import known_machines
from tests.deploy.cloud.calls import RUN, refused, refused_out
from tests.deploy.cloud.far_fake import FarFake, status
from tests.deploy.fake_compute import DENIED, PROJECT, QUOTA, STOCKOUT, ZONE, FakeCompute


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gcp run --data absent.txt --yes", "absent.txt does not exist"),
        ("gcp run --data book.txt --budget 10 --yes", "budget"),
        ("gcp train --data book.txt --symbio-config absent.json --symbio --yes", "absent.json"),
        ("gcp train --data book.txt --init-from runs/x --yes", "--init-from is a place on this"),
        ("gcp run --data book.txt --run-dir taken --yes", "taken exists here"),
        ("gcp run --data book.txt other/book.txt --yes", "two files that are sent are called book"),
        ("gcp run --data book.txt --max-hours 0 --yes", "--max-hours 0 is nothing"),
        ("gcp run --data book.txt --machine-type g2-standard-5 --yes", "did you mean"),
        ("gcp run --data book.txt --hours 20 --max-hours 3 --yes", "--hours 20 is more than"),
        ("gcp up --yes --zone moon", "--zone moon cannot be used"),
        ("gcp up --yes --name Big_One", "--name Big_One cannot be used"),
        ("gcp up --yes --ssh-key absent", "--ssh-key absent cannot be read"),
        ("gcp up --yes --project X", "--project X cannot be used"),
        ("gcp status", "there is no machine symbio-train in us-central1-b of night-work"),
        ("gcp logs", "rent one: symbio-auto gcp up"),
        ("gcp fetch", "there is no machine"),
        ("gcp delete", "there is no machine"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_rented(
    cloud: FakeCompute, text: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    for folder in ("taken", "other"):
        Path(folder).mkdir()
        (Path(folder) / "book.txt").write_text("text " * 5000, encoding="utf-8")
    assert said in refused(capsys, line)
    assert cloud.machines == {}
    assert "insert" not in cloud.calls


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (QUOTA, "iam-admin/quotas?project=night-work"),
        (DENIED, "roles/compute.instanceAdmin.v1"),
        (STOCKOUT, "try another --zone"),
    ],
)
def test_google_s_refusals_are_one_line_and_leave_nothing(
    cloud: FakeCompute, capsys: pytest.CaptureFixture[str], trouble: object, said: str
) -> None:
    table = cloud.failures if trouble is STOCKOUT else cloud.refusals
    table["insert"] = [trouble]  # type: ignore[list-item]
    assert said in refused(capsys, "gcp up --yes")
    assert cloud.machines == {}
    assert list(known_machines()) == []


def test_nothing_is_rented_without_a_yes(
    cloud: FakeCompute, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = refused_out(capsys, "gcp up --after stop --idle-minutes 30")
    assert "cap      12 hours, then Google stops it: $8.65 at most" in shown
    assert "turns itself off after 30 minutes without use" in shown
    assert "insert" not in cloud.calls


def test_a_name_that_is_taken_is_not_touched(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.answer("POST", f"projects/{PROJECT}/zones/{ZONE}/instances", {}, {"name": "theirs"})
    assert "was not rented from here; choose another --name" in refused(
        capsys, "gcp up --yes --name theirs"
    )
    assert "its key is elsewhere" in refused(capsys, "gcp delete --name theirs --yes")
    assert {name for _, name in cloud.machines} == {"theirs"}


def test_without_a_project_a_user_is_told_how_to_give_one(
    cloud: FakeCompute, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    assert "write --project ID" in refused(capsys, "gcp up --yes")


def test_a_busy_machine_takes_no_second_run(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far.before = [status("running", 5)]
    assert "symbio-train works on first; look on" in refused(capsys, f"{RUN} --detach")
    assert far.words == []
