"""`symbio-auto doctor` finds machines that run for nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commands.doctor_machines import machine_checks
from tests.deploy.cloud.far_fake import FarFake, status
from tests.deploy.fake_compute import DENIED, FakeCompute


def test_a_machine_without_a_run_is_an_orphan_with_a_remedy(
    cloud: FakeCompute, far: FarFake, text: Path
) -> None:
    assert main(["gcp", "up", "--yes", "--zone", "europe-west4-a"]) == 0
    (check,) = machine_checks()
    assert not check.ok
    assert "symbio-train, g2-standard-4 in europe-west4-a: runs without a run since" in check.found
    command = check.remedy.partition("symbio-auto ")[2].split()
    far.answers = [status("running", 3)]
    words = ["gcp", "run", "--data", "book.txt", "--run-dir", "runs/first", "--yes", "--detach"]
    assert main(words) == 0
    (check,) = machine_checks()
    assert check.ok
    assert "works on first" in check.found
    far.answers = [status("finished")]
    assert main(["gcp", "status", "--watch"]) == 0
    (check,) = machine_checks()
    assert not check.ok
    # The remedy does what it says.
    assert main(command) == 0
    (check,) = machine_checks()
    assert (check.ok, check.found) == (True, "none in night-work")


def test_a_stopped_machine_costs_little_and_is_listed(cloud: FakeCompute, far: FarFake) -> None:
    assert main(["gcp", "up", "--yes"]) == 0
    assert main(["gcp", "stop"]) == 0
    (check,) = machine_checks()
    assert check.ok
    assert "stopped, its disk costs" in check.found


def test_what_cannot_be_asked_is_a_failure_where_there_was_a_machine(
    cloud: FakeCompute, far: FarFake
) -> None:
    cloud.refusals["aggregated"] = [DENIED, DENIED]
    (check,) = machine_checks()
    assert check.ok
    assert main(["gcp", "up", "--yes"]) == 0
    (check,) = machine_checks()
    assert not check.ok
    assert "roles/compute.instanceAdmin.v1" in check.remedy


def test_who_never_rented_is_not_asked_for_a_login(
    cloud: FakeCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    assert machine_checks() == []
    assert cloud.calls == []


def test_the_grammar_loads_nothing_of_google() -> None:
    script = (
        "import sys\nfrom orchestrator.grammar import build_parser\n"
        "build_parser().parse_args(['gcp', 'up', '--yes'])\n"
        "from orchestrator.commands import doctor_machines\n"
        "sys.exit(any(n.startswith(('google', 'paramiko', 'requests')) for n in sys.modules))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
