"""The whole way with real parts: Google's API and an sshd on this machine, the real transfer, the
real supervisor. The machine that is rented is this one; what runs on it is a stub, or, in the long
form, symbio-auto itself.
"""

import getpass
import json
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from deploy.cloud.record import Rental
from deploy.cloud.watch import Watch
from deploy.remote import connection, session
from deploy.remote.connection import Timing
from deploy.remote.status import RemoteStatus
from orchestrator.cli import main
from orchestrator.commands.gcp import far, job, watching
from orchestrator.grammar import build_parser
from state.rented import read_rented
from tests.deploy.cloud import stub_program
from tests.deploy.cloud.conftest import RHYTHM
from tests.deploy.cloud.stub_program import BUDGET
from tests.deploy.fake_compute import KEY, FakeCompute, Json, Refusal
from tests.deploy.remote.sshd import Sshd
from trainer.demo_corpus import write_demo_corpus

ROOT = Path(__file__).parents[3]
QUICK = Timing(answer=5.0, silence=10.0, first_pause=0.05, longest_pause=0.2, patience=0.5)


class RentedHere:
    """This machine as the one that is rented: its sshd lives and dies with it."""

    def __init__(self, cloud: FakeCompute, folder: Path) -> None:
        self.cloud, self.sshd, self.home = cloud, Sshd(folder / "sshd"), folder / "home"
        self.home.mkdir()
        public = (self.sshd.folder / "host_key.pub").read_text(encoding="utf-8").split()
        cloud.host_keys = [(public[0], public[1])]
        self._do = cloud._do

    def answer(
        self, verb: str, parts: list[str], query: dict[str, str], body: Json
    ) -> Json | Refusal:
        """As the machine would, whose agent takes the keys of its metadata."""
        found = self._do(verb, parts, query, body)
        if verb == "insert":
            items = {one["key"]: one["value"] for one in body["metadata"]["items"]}
            key = items["ssh-keys"].partition(":")[2]
            (self.sshd.folder / "authorized_keys").write_text(f"{key}\n", encoding="utf-8")
        if verb in {"insert", "start"}:
            self.sshd.start()
        return found

    def power_off(self) -> None:
        """All that runs on it dies, without a word."""
        self.sshd.stop()
        for process in self.working():
            process.send_signal(signal.SIGKILL)

    def working(self) -> list[psutil.Process]:
        """What runs below its home."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()).is_relative_to(self.home):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def machine(
    cloud: FakeCompute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RentedHere]:
    made = RentedHere(cloud, tmp_path / "far")
    monkeypatch.setattr(cloud, "_do", made.answer)
    monkeypatch.setattr(connection, "USUAL", QUICK)
    monkeypatch.setattr(far, "PATIENCE_SECONDS", QUICK.patience)
    monkeypatch.setattr(session, "Session", partial(session.Session, home=str(made.home)))
    monkeypatch.setattr(watching, "Watch", partial(Watch, rhythm=RHYTHM._replace(poll=0.2)))
    monkeypatch.setenv("SYMBIO_SEED", "7")
    yield made
    made.power_off()


def program(path: Path) -> Path:
    """An interpreter that is the stub."""
    text = f'#!/bin/sh\nexec {sys.executable} -S {stub_program.__file__} "$@"\n'
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of nothing, so that little has to be sent."""
    folder = tmp_path / "code"
    (folder / "orchestrator").mkdir(parents=True)
    (folder / "orchestrator" / "cli.py").write_text("", encoding="utf-8")
    (folder / "requirements.lock").write_text("", encoding="utf-8")
    monkeypatch.setattr(job, "code_root", lambda: folder)
    return folder


def taken_away_at(monkeypatch: pytest.MonkeyPatch, machine: RentedHere, share: float) -> None:
    """Once so much of the budget is spent, Google takes the machine away."""
    show = watching.Lines.show

    def shown(lines: watching.Lines, rental: Rental, status: RemoteStatus) -> None:
        show(lines, rental, status)
        spent, budget = (status.summary.get(name, 0) for name in ("spent", "budget"))
        assert isinstance(spent, int)
        assert isinstance(budget, int)
        if status.works and budget and spent >= share * budget and not rental.restarts:
            machine.power_off()
            machine.cloud.end("compute.instances.preempted")

    monkeypatch.setattr(watching.Lines, "show", shown)


def rented(machine: RentedHere, python: str, rest: str) -> list[str]:
    """A run on a Spot machine that is deleted afterwards."""
    where = f"--ssh-user {getpass.getuser()} --ssh-port {machine.sshd.port} --python {python}"
    cost = "--spot --after delete --max-hours 2 --yes"
    return shlex.split(f"gcp run --data book.txt --run-dir runs/first {where} {cost} {rest}")


@pytest.mark.slow
def test_a_run_survives_that_its_machine_is_taken_away(
    machine: RentedHere,
    code: Path,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken_away_at(monkeypatch, machine, 0.25)
    words = rented(machine, str(program(tmp_path / "python")), f"--budget {BUDGET * 2}")
    assert main(words) == 0
    said = capsys.readouterr()
    assert "taken away (preempted); starting it again, 1 of 10" in said.err
    assert "first goes on from its last commit" in said.err
    assert "first is finished" in said.out
    assert Path("runs/first/report.md").read_text(encoding="utf-8") == f"# {BUDGET} steps\n"
    started, resumed = (
        (machine.home / "job" / "output.log").read_text(encoding="utf-8").split("\n")[:2]
    )
    assert started == "started at step 0 as 7"
    assert resumed.startswith("resumed at step ")
    assert resumed.endswith(" as 7")
    assert machine.cloud.machines == {}
    assert read_rented(Path("runs/first")) is not None


def test_a_machine_that_is_another_is_not_talked_to(
    machine: RentedHere, code: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever answers at the address has not the keys that Google tells of."""
    machine.cloud.host_keys = [("ssh-ed25519", KEY)]
    assert main(rented(machine, str(program(tmp_path / "python")), "")) == 2
    assert "shows another host key than" in capsys.readouterr().err
    assert not list(machine.home.iterdir())
    assert main(["gcp", "delete"]) == 0


def transcript() -> list[str]:
    """What docs/gcp.md shows of a machine from up to delete."""
    page = (ROOT / "docs" / "gcp.md").read_text(encoding="utf-8")
    return page.split("```text\n")[1].split("```")[0].splitlines()


def told_alike(line: str) -> str:
    """The line without what another run and another day would say."""
    line = re.sub("abiogenesis|primordial|cambrian|oxidation|endosymbiosis|homeostasis", "P", line)
    return re.sub(r"\d[\d.,:-]*", "#", line).strip()


def test_every_command_of_the_page_is_one() -> None:
    commands = [line[2:] for line in transcript() if line.startswith("$ ")]
    assert [line.split()[2] for line in commands if "gcp" in line][:2] == ["up", "run"]
    for line in commands:
        build_parser().parse_args(shlex.split(line)[1:])


def until(machine: RentedHere, spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The run there has committed so many steps."""
    while True:
        assert main(["gcp", "status", "--json"]) == 0
        job = json.loads(capsys.readouterr().out)["job"]
        assert job["state"] == "running", job
        if job["summary"].get("spent", 0) >= spent:
            return
        time.sleep(0.3)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_from_up_to_delete_six_phases_are_done_there_and_fetched(
    machine: RentedHere,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The words of docs/gcp.md, and its lines but for their numbers."""
    said: list[str] = []
    text.unlink()
    write_demo_corpus(text, 60_000)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))

    def agreed(asked: str) -> str:
        said.append(f"{asked}y")
        return "y"

    monkeypatch.setattr("builtins.input", agreed)
    here = f"--ssh-user {getpass.getuser()} --ssh-port {machine.sshd.port} --python"
    small = "--dim 32 --heads 2 --layers 2 --block 32 --batch 8 --tokenizer byte --engine inline"

    def symbio(words: str, code: int = 0) -> None:
        assert main(shlex.split(words)) == code
        captured = capsys.readouterr()
        said.extend(f"$ symbio-auto {words}\n{captured.err}\n{captured.out}".splitlines())

    symbio(f"gcp up --spot --max-hours 3 {here} {sys.executable}")
    symbio(f"gcp run --data book.txt --budget 120 --run-dir runs/night --detach {small}")
    until(machine, 20, capsys)
    symbio("gcp status")
    symbio("gcp kill")
    symbio("gcp fetch")
    symbio("gcp run --resume runs/night --detach")
    until(machine, 60, capsys)
    machine.power_off()
    machine.cloud.end("compute.instances.preempted")
    symbio("gcp status")
    symbio("gcp status --watch")
    symbio("doctor", 1)
    assert (Path("runs/night") / "model").is_dir()
    symbio("verify runs/night")
    symbio("gcp delete")
    assert machine.cloud.machines == {}
    assert read_rented(Path("runs/night")) is not None
    (tmp_path / "said.txt").write_text("\n".join(said), encoding="utf-8")
    alike = {told_alike(line) for line in said}
    shown = [line for line in transcript() if line and not line.startswith("$ ")]
    assert [line for line in shown if told_alike(line) not in alike] == []
