"""`symbio-auto gcp` from up to delete, against Google's API on this machine."""

import json
from pathlib import Path

import pytest

from deploy.cloud.faults import CloudError
from deploy.cloud.record import folder_of, known_machines
from deploy.cloud.renting import Renting
from state.rented import read_rented
from tests.deploy.cloud.calls import RUN, call, refused, refused_out
from tests.deploy.cloud.far_fake import FarFake, status
from tests.deploy.fake_compute import PROJECT, ZONE, FakeCompute


def test_from_up_to_delete(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far.answers = [status("running", 100), status("running", 500), status("finished", 1000)]
    assert call("gcp up --yes --spot --max-hours 5 --price-per-hour 0.4") == 0
    shown = capsys.readouterr().out
    assert "$0.40 an hour (as you say)" in shown
    assert "5 hours, then Google stops it: $2.07 at most" in shown
    assert "symbio-train runs at 127.0.0.1; its host keys are known" in shown
    assert call(RUN) == 0
    shown = capsys.readouterr().out
    assert "first works on symbio-train" in shown
    assert "cambrian, 500 of 1,000 steps, best 2.500 bits per byte; $0.00 of at most" in shown
    assert "fetched runs/first" in shown
    words = "--data data/book.txt --run-dir=runs/first --budget=1000 --plain"
    assert far.words == words.split()
    assert Path("runs/first/report.md").exists()
    rented = read_rented(Path("runs/first"))
    assert rented is not None
    assert (rented.usd_per_hour, rented.machine_type) == (0.4, "g2-standard-4")
    assert cloud.machine()["labels"]["symbio-run"] == "ended"
    assert call("gcp stop") == 0
    assert cloud.machine()["status"] == "TERMINATED"
    assert call("gcp up --yes") == 0
    assert call("gcp delete") == 0
    assert cloud.machines == {}
    assert not folder_of(PROJECT, ZONE, "symbio-train").root.exists()
    assert "is deleted with its disk; it has cost about $0.00" in capsys.readouterr().out


@pytest.mark.parametrize("end", [KeyboardInterrupt(), CloudError("no keys")])
def test_who_leaves_before_the_work_has_begun_is_told_what_goes_on_costing(
    cloud: FakeCompute,
    far: FarFake,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    end: BaseException,
) -> None:
    def waits(*_: object) -> None:
        raise end

    monkeypatch.setattr(Renting, "reachable", waits)
    assert call("gcp up --yes --max-hours 3") in {2, 130}
    told = capsys.readouterr().err
    assert "symbio-train runs on, for $0.7" in told
    assert "3 hours at most; end it: symbio-auto gcp delete --name symbio-train" in told
    assert cloud.machine()["status"] == "RUNNING"


def test_a_machine_ends_itself_as_it_was_rented_and_costs_no_more_than_is_said(
    cloud: FakeCompute, far: FarFake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("gcp up --yes") == 0
    capsys.readouterr()
    assert call("gcp up --yes --after delete --idle-minutes 5") == 0
    told = capsys.readouterr().err
    assert "--idle-minutes is set when a machine is rented: symbio-train keeps 0" in told
    assert "rented with --after keep and ends itself only so; --after delete holds while" in told
    assert call("gcp stop") == 0
    assert call("gcp up --yes --max-cost 0.5") == 0
    assert "$0.50 at most" in capsys.readouterr().out
    seconds = int(cloud.machine()["scheduling"]["maxRunDuration"]["seconds"])
    rental = folder_of(PROJECT, ZONE, "symbio-train").read()
    assert rental is not None
    assert seconds == pytest.approx(0.5 / rental.usd_per_hour * 3600, abs=2)


def test_run_rents_what_is_missing_and_gives_it_back(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far.answers = [status("finished", 1000)]
    assert call(f"{RUN} --after delete --machine-type g2-standard-8 --max-cost 3") == 0
    assert cloud.bodies[0]["machineType"].endswith("/g2-standard-8")
    assert cloud.bodies[0]["labels"]["symbio-run"] == "first"
    seconds = int(cloud.bodies[0]["scheduling"]["maxRunDuration"]["seconds"])
    assert seconds == pytest.approx(3 / (0.8536 + 100 * 0.1 / 730) * 3600, abs=2)
    assert far.asked.index("fetch first") >= 0
    assert cloud.machines == {}
    assert Path("runs/first/report.md").exists()


def test_a_spot_machine_that_is_taken_away_resumes_by_itself(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken() -> None:
        cloud.end("compute.instances.preempted")
        cloud.address = "127.0.0.2"
        raise ConnectionError("nobody answers")

    far.answers = [status("running", 400), taken, status("interrupted", 400), status("finished")]  # type: ignore[list-item]
    assert call(f"{RUN} --spot --after stop") == 0
    assert "revive" in far.asked
    assert {host for host, _, _ in far.addresses} == {"127.0.0.1", "127.0.0.2"}
    assert far.known_hosts.startswith("127.0.0.2 ssh-ed25519 ")
    assert cloud.machine()["status"] == "TERMINATED"
    assert "taken away (preempted); starting it again, 1 of 10" in capsys.readouterr().err


def test_train_takes_the_flags_of_the_documents(
    cloud: FakeCompute, far: FarFake, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("symbio-composed-novels.json").write_text('{"cusumThreshold": 4.0}', encoding="utf-8")
    for name, value in {
        "ALPHA_REMOTE_URL": "https://alpha.example.com",
        "ALPHA_REMOTE_SECRET": "a-secret",
        "DISCORD_WEBHOOK_URL": "https://discord.example.com/x",
        "SYMBIO_SEED": "3",
        "HOME_SECRET": "stays",
    }.items():
        monkeypatch.setenv(name, value)
    line = (
        "gcp train --data book.txt --domain chat --iters 50000 --batch 20 --block 512 --dim 384 "
        "--heads 8 --layers 8 --lr 5e-5 --backend helios --tokenizer bpe --warmup 1000 "
        "--beta2 0.95 --grad-clip 1.0 --eval-interval 500 --sample-interval 300 --symbio "
        "--symbio-config symbio-composed-novels.json --zone us-central1-b "
        "--machine-type g2-standard-4 --yes --detach "
        "--notify json://127.0.0.1:1/hook --upload-checkpoint"
    )
    assert call(line) == 0
    words = far.words
    assert words[0] == "train"
    assert {
        *("--iters=50000", "--lr=5e-05", "--dim=384", "--symbio", "--device=auto", "--plain"),
        "--symbio-config=files/symbio-composed-novels.json",
    } <= set(words)
    assert far.sent == {"symbio-composed-novels.json": b'{"cusumThreshold": 4.0}'}
    assert far.environment.keys() == {
        *("ALPHA_REMOTE_URL", "ALPHA_REMOTE_SECRET", "DISCORD_WEBHOOK_URL", "SYMBIO_SEED"),
        "SYMBIO_NOTIFY_URLS",
    }
    assert "--upload-checkpoint" in words
    assert "127.0.0.1:1" in far.environment["SYMBIO_NOTIFY_URLS"]
    assert "127.0.0.1:1" not in " ".join(words)
    assert "a-secret" not in " ".join(words)
    record = (folder_of(PROJECT, ZONE, "symbio-train").root / "machine.json").read_text()
    assert "a-secret" not in record + str(cloud.bodies)
    # The same words mean the same there as here.
    from orchestrator.grammar import build_parser

    parsed = build_parser().parse_args(words)
    assert vars(parsed)["optimizer.lr"] == 5e-5


def test_a_run_begun_here_goes_on_there(cloud: FakeCompute, far: FarFake, text: Path) -> None:
    folder = Path("runs/mine")
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}", encoding="utf-8")
    assert call("gcp run --resume runs/mine/state.json --budget 2000 --yes --detach") == 0
    assert far.pushed == [(None, Path("runs/mine"))]
    assert far.words == [
        *("--resume=runs/mine", "--device=auto"),
        *("--budget=2000", "--plain"),
    ]
    (only,) = known_machines()
    assert (only.run, only.local) == ("mine", str(folder.resolve()))


def test_status_says_what_runs_and_what_it_costs(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(f"{RUN} --detach --spot --max-hours 10") == 0
    far.answers = [status("running", 500)]
    cloud.age(2.0)
    capsys.readouterr()
    assert call("gcp status") == 0
    shown = capsys.readouterr().out
    assert "symbio-train, g2-standard-4, Spot in us-central1-b of night-work" in shown
    assert "$0.88 so far, 2.0 hours at $0.42" in shown
    assert "first: cambrian, 500 of 1,000 steps" in shown
    assert call("gcp status --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hours"] == pytest.approx(2.0, abs=0.01)
    assert found["job"]["state"] == "running"
    cloud.end("compute.instances.preempted")
    assert call("gcp status") == 0
    shown = capsys.readouterr().out
    assert "terminated (preempted)" in shown
    assert "first; nobody can be asked how it goes" in shown
    assert "symbio-auto gcp status --watch starts it again" in shown
    cloud.machines.clear()
    assert call("gcp status") == 0
    assert "gone" in capsys.readouterr().out


def test_the_other_verbs_reach_the_machine(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far.answers = [status("running", 5)]
    assert call(f"{RUN} --detach") == 0
    capsys.readouterr()
    assert call("gcp logs -f") == 0
    assert capsys.readouterr().out == "one\ntwo\nthree\n"
    assert call("gcp ssh") == 7
    far.answers = [status("killed")]
    assert call("gcp kill") == 0
    assert cloud.machine()["status"] == "RUNNING"
    assert cloud.machine()["labels"]["symbio-run"] == "ended"
    assert "first is killed: it was asked to end" in capsys.readouterr().out
    assert "was not fetched" in refused_out(capsys, "gcp delete")
    assert call("gcp fetch --into elsewhere") == 0
    assert Path("elsewhere/first/report.md").exists()
    assert call("gcp delete") == 0


def test_a_machine_is_found_by_its_name_wherever_it_is(
    cloud: FakeCompute, far: FarFake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("gcp up --yes --zone europe-west4-a --name night") == 0
    assert call("gcp stop --name night") == 0
    assert call("gcp up --yes --zone us-east1-b --name night") == 0
    assert "several machines night" in refused(capsys, "gcp delete --name night")
    assert call("gcp delete --name night --zone us-east1-b") == 0
    assert call("gcp delete --name night") == 0
    assert cloud.machines == {}


def test_a_machine_whose_keys_are_elsewhere_can_be_deleted(
    cloud: FakeCompute, far: FarFake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert call("gcp up --yes") == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert call("gcp stop") == 0
    assert call("gcp delete --yes") == 0
    assert cloud.machines == {}


def test_ctrl_c_leaves_the_run_alone(
    cloud: FakeCompute, far: FarFake, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    far.answers = [status("running", 5), pressed]  # type: ignore[list-item]
    assert call(RUN) == 130
    assert "first works on at symbio-train and costs on" in capsys.readouterr().err
    far.answers = [status("running", 900), status("finished", 1000)]
    assert call("gcp status --watch") == 0
    assert "first is finished" in capsys.readouterr().out


@pytest.mark.parametrize(("state", "code"), [("failed", 1), ("killed", 3), ("stopped", 3)])
def test_the_exit_code_is_that_of_the_run(
    cloud: FakeCompute, far: FarFake, text: Path, state: str, code: int
) -> None:
    far.answers = [status(state, 7, reason="why")]  # type: ignore[arg-type]
    assert call(RUN) == code
    assert Path("runs/first/report.md").exists()
