"""A machine is rented whole or not at all, its cost is known, and it is given back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.cloud.compute import Compute
from deploy.cloud.faults import CloudError, NameTaken, NoCapacity
from deploy.cloud.keys import new_pair, public_half, write_known_hosts
from deploy.cloud.machine import Order
from deploy.cloud.record import MachineFolder, Rental, folder_of, known_machines, seen
from deploy.cloud.renting import Renting
from state.rented import read_rented
from tests.deploy.cloud.conftest import PAUSES
from tests.deploy.fake_compute import (
    DENIED,
    KEY,
    PROJECT,
    QUOTA,
    STOCKOUT,
    ZONE,
    Failure,
    FakeCompute,
    Refusal,
)

NAME = "symbio-train"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def renting(api: Compute, told: list[str]) -> Renting:
    return Renting(api, folder_of(PROJECT, ZONE, NAME), told.append, PAUSES)


@pytest.fixture
def rental(renting: Renting) -> Rental:
    public = new_pair(renting.folder.key)
    return Rental(
        order=Order(project=PROJECT, public_key=public, cap_seconds=4 * 3600.0),
        usd_per_hour=0.5,
        price_source="as you say",
        disk_usd_per_hour=0.01,
        asked_at=datetime.now(UTC),
    )


def test_a_machine_is_reachable_once_its_keys_are_known(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    cloud.unpublished = 3
    rental, address = renting.reachable(renting.rent(rental))
    assert address == "127.0.0.1"
    known = renting.folder.known_hosts
    assert known.read_text(encoding="utf-8") == f"127.0.0.1 ssh-ed25519 {KEY}\n"
    assert known.stat().st_mode & 0o777 == 0o600
    assert renting.folder.key.stat().st_mode & 0o777 == 0o600
    assert known.parent.stat().st_mode & 0o077 == 0
    assert list(known_machines()) == [rental]


def test_a_machine_that_publishes_no_keys_is_not_trusted(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    cloud.unpublished = 10_000
    renting = renting._replace(pauses=PAUSES._replace(ready=0.1))
    with pytest.raises(CloudError, match=r"no host keys in .*costs \$0.50 an hour"):
        renting.reachable(renting.rent(rental))
    assert not renting.folder.known_hosts.exists()


@pytest.mark.parametrize("error", [QUOTA, DENIED])
def test_of_a_machine_that_was_refused_nothing_is_left(
    renting: Renting, rental: Rental, cloud: FakeCompute, error: Refusal, told: list[str]
) -> None:
    cloud.refusals["insert"] = [error]
    with pytest.raises(CloudError):
        renting.rent(rental)
    assert not renting.folder.root.exists()
    assert told == []


def test_a_machine_that_was_begun_and_failed_is_deleted(
    renting: Renting, rental: Rental, cloud: FakeCompute, told: list[str]
) -> None:
    cloud.failures["insert"] = [Failure("INTERNAL_ERROR", "half way", leaves=True)]
    with pytest.raises(CloudError, match="half way"):
        renting.rent(rental)
    assert cloud.machines == {}
    assert told == [f"{NAME} was begun; deleting it", f"{NAME} is deleted"]
    assert not renting.folder.root.exists()


def test_a_machine_that_cannot_be_deleted_after_it_failed_is_told_of(
    renting: Renting, rental: Rental, cloud: FakeCompute, told: list[str]
) -> None:
    cloud.failures["insert"] = [Failure("INTERNAL_ERROR", "half way", leaves=True)]
    cloud.refusals["delete"] = [Refusal(400, "invalid", "not now")] * 9
    with pytest.raises(CloudError, match="half way"):
        renting.rent(rental)
    assert "symbio-auto gcp delete --name symbio-train --zone us-central1-b" in told[-1]
    # It is known of and can be deleted from here.
    assert [one.name for one in known_machines()] == [NAME]
    assert renting.folder.read() is not None


def test_an_interrupted_wait_gives_the_machine_back(
    renting: Renting, rental: Rental, cloud: FakeCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(renting.compute._operations, "wait", interrupted)
    delete = renting.compute.delete

    def deleted(name: str) -> None:
        monkeypatch.undo()
        delete(name)

    monkeypatch.setattr(renting.compute, "delete", deleted)
    with pytest.raises(KeyboardInterrupt):
        renting.rent(rental)
    assert cloud.machines == {}


def test_a_machine_of_somebody_else_is_never_touched(
    renting: Renting, rental: Rental, cloud: FakeCompute, api: Compute
) -> None:
    api.insert({"name": NAME, "networkInterfaces": [{"accessConfigs": [{}]}]})
    with pytest.raises(NameTaken):
        renting.rent(rental)
    assert NAME in str(cloud.machines)
    assert "delete" not in cloud.calls


def test_a_stop_that_fails_is_tried_again(
    renting: Renting, rental: Rental, cloud: FakeCompute, told: list[str]
) -> None:
    rental = renting.rent(rental)
    cloud.failures["stop"] = [Failure("RESOURCE_IN_USE", "busy"), Failure("X", "busy")]
    rental = renting.end(rental, "stop")
    assert cloud.machine()["status"] == "TERMINATED"
    assert [line.rpartition(";")[2] for line in told] == [" trying again in 0 s"] * 2
    assert rental.rented is not None
    assert rental.rented.spans[-1].stopped_at is not None


@pytest.mark.parametrize(("how", "word"), [("stop", "stopped"), ("delete", "deleted")])
def test_an_end_that_never_comes_is_said_with_its_price(
    renting: Renting, rental: Rental, cloud: FakeCompute, how: str, word: str
) -> None:
    rental = renting.rent(rental)
    cloud.refusals[how] = [Refusal(400, "invalid", "not now")] * 9
    with pytest.raises(CloudError, match=rf"could not be {word} in 3 tries .*0.50 an hour until"):
        renting.end(rental, "stop" if how == "stop" else "delete")
    assert cloud.calls.count(how) == 3
    assert renting.folder.read() is not None


def test_who_may_not_delete_is_not_kept_waiting(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    rental = renting.rent(rental)
    cloud.refusals["delete"] = [DENIED] * 9
    with pytest.raises(CloudError, match="in 1 try "):
        renting.end(rental, "delete")


def test_a_start_gets_what_is_left_of_the_cap(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    rental = renting.rent(rental)
    cloud.age(1.0)
    cloud.end("compute.instances.preempted")
    rental = renting.noted(rental, renting.compute.get(NAME))
    rental = renting.restart(rental)
    assert int(cloud.machine()["scheduling"]["maxRunDuration"]["seconds"]) == pytest.approx(
        3 * 3600, abs=2
    )
    cloud.end("compute.instances.preempted", after_hours=3.0)
    rental = renting.noted(rental, renting.compute.get(NAME))
    with pytest.raises(CloudError, match=r"run for the 4 hours that it may.*--max-hours"):
        renting.restart(rental)
    assert renting.restart(rental, 7200.0).order.cap_seconds == 6 * 3600


def test_a_start_without_capacity_leaves_the_machine_stopped(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    rental = renting.rent(rental)
    cloud.end("compute.instances.preempted")
    rental = renting.noted(rental, renting.compute.get(NAME))
    cloud.failures["start"] = [STOCKOUT]
    with pytest.raises(NoCapacity):
        renting.restart(rental)
    assert cloud.machine()["status"] == "TERMINATED"


def test_the_cost_is_that_of_every_start_and_of_the_disk(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    rental = renting.rent(rental)
    cloud.age(2.0)
    rental = seen(rental, renting.compute.get(NAME))
    cloud.end("compute.instances.preempted")
    # Nobody looks while it is stopped and started again.
    renting.compute.start(NAME)
    rental = renting.noted(rental, renting.compute.get(NAME))
    now = datetime.now(UTC)
    rented = rental.rented
    assert rented is not None
    assert len(rented.spans) == 2
    assert rented.seconds(now) == pytest.approx(7200, abs=2)
    assert rented.usd(now) == pytest.approx(2 * 0.5 + 2 * 0.01, abs=0.001)
    later = now + timedelta(hours=1)
    assert rented.usd(later) - rented.usd(now) == pytest.approx(0.51, abs=0.001)
    gone = seen(rental, None, later).rented
    assert gone is not None
    assert gone.usd(later + timedelta(days=9)) == pytest.approx(gone.usd(later))
    assert read_rented(renting.folder.root) == rented


def test_the_run_s_folder_says_what_its_machine_costs_until_it_is_gone(
    renting: Renting, rental: Rental, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "first"
    rental = renting.rent(rental.model_copy(update={"local": str(run)}))
    assert not run.exists()
    run.mkdir(parents=True)
    (run / "state.json").write_text("{}", encoding="utf-8")
    rental = renting.noted(rental, renting.compute.get(NAME))
    now = datetime.now(UTC)
    shown = read_rented(run)
    assert shown == rental.rented
    assert shown is not None
    assert shown.state(now) == "running"
    assert shown.state(now + timedelta(hours=5)) == "stopped"
    assert shown.usd(now + timedelta(hours=5)) == pytest.approx(4 * 0.5 + 5 * 0.01, abs=0.001)
    renting.end(rental, "delete")
    gone = read_rented(run)
    assert gone is not None
    assert gone.state(now) == "deleted"


def test_a_machine_made_anew_costs_from_its_own_beginning(
    renting: Renting, rental: Rental, cloud: FakeCompute
) -> None:
    rental = renting.rent(rental)
    cloud.age(5.0)
    rental = renting.noted(rental, renting.compute.get(NAME))
    renting.compute.delete(NAME)
    rental = renting.rent(rental)
    assert rental.rented is not None
    assert rental.rented.usd(datetime.now(UTC)) < 0.01


def test_a_key_of_the_user_is_taken_as_it_is(tmp_path: Path) -> None:
    public = new_pair(tmp_path / "key")
    assert public_half(tmp_path / "key") == public
    (tmp_path / "other").write_text("no key", encoding="utf-8")
    for path, said in (("other", "no private key of OpenSSH"), ("absent", "cannot be read")):
        with pytest.raises(ValueError, match=said):
            public_half(tmp_path / path)


def test_only_what_is_a_key_becomes_a_known_host(tmp_path: Path) -> None:
    from deploy.cloud.instance import HostKey

    path = tmp_path / "known_hosts"
    write_known_hosts(path, "10.0.0.1", 2222, [HostKey("ssh-ed25519", KEY), HostKey("dsa", "x")])
    assert path.read_text(encoding="utf-8") == f"[10.0.0.1]:2222 ssh-ed25519 {KEY}\n"
    with pytest.raises(ValueError, match="no host key"):
        write_known_hosts(path, "10.0.0.1", 22, [HostKey("ssh-rsa", "AAAA\nevil ssh-rsa AAAA")])


def test_a_record_that_cannot_be_read_says_where_it_is(tmp_path: Path) -> None:
    folder = MachineFolder(tmp_path)
    (tmp_path / "machine.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=str(tmp_path)):
        folder.read()
