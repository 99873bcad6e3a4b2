"""A machine that is taken away is started again and its run goes on; what ends, ends once."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from deploy.cloud.compute import Compute
from deploy.cloud.faults import CloudError
from deploy.cloud.keys import new_pair
from deploy.cloud.machine import Order
from deploy.cloud.record import Rental, folder_of
from deploy.cloud.renting import Renting
from deploy.cloud.watch import Watch, progress_line
from deploy.remote.status import RemoteStatus
from tests.deploy.cloud.conftest import PAUSES, RHYTHM
from tests.deploy.cloud.far_fake import FarFake, FarSession, status
from tests.deploy.fake_compute import PROJECT, STOCKOUT, ZONE, FakeCompute, Refusal

NAME = "symbio-train"
Watching = Callable[..., Watch]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def script() -> FarFake:
    fake = FarFake()
    fake.words = ["--budget=1000"]
    return fake


@pytest.fixture
def watching(api: Compute, script: FarFake, told: list[str]) -> Watching:
    renting = Renting(api, folder_of(PROJECT, ZONE, NAME), told.append, PAUSES)

    def made(max_restarts: int = 3, cap_seconds: float = 4 * 3600.0) -> Watch:
        order = Order(
            project=PROJECT,
            public_key=new_pair(renting.folder.key),
            cap_seconds=cap_seconds,
            spot=True,
        )
        rental = Rental(
            order=order,
            usd_per_hour=0.5,
            price_source="as you say",
            disk_usd_per_hour=0.0,
            run="first",
            asked_at=datetime.now(UTC),
        )

        def show(_: Rental, found: RemoteStatus) -> None:
            told.append(found.state)

        return Watch(
            renting,
            renting.rent(rental),
            lambda *_: FarSession(script),
            show,
            max_restarts=max_restarts,
            rhythm=RHYTHM,
        )

    return made


def taken(
    cloud: FakeCompute, kind: str = "compute.instances.preempted"
) -> Callable[[], RemoteStatus]:
    """The connection breaks, because the machine is no more."""

    def answer() -> RemoteStatus:
        cloud.end(kind)
        raise ConnectionError("nobody answers")

    return answer


def test_a_run_is_seen_to_its_end(watching: Watching, script: FarFake, told: list[str]) -> None:
    script.answers = [status("running", 10), status("running", 20), status("finished", 1000)]
    outcome = watching().follow()
    assert (outcome.how, outcome.status) == ("over", status("finished", 1000))
    assert told == ["running", "running", "finished"]


@pytest.mark.parametrize("kind", ["compute.instances.preempted", "compute.instances.hostError"])
def test_a_machine_that_is_taken_away_is_started_and_its_run_goes_on(
    watching: Watching, script: FarFake, cloud: FakeCompute, told: list[str], kind: str
) -> None:
    interrupted = status("interrupted", 400)
    script.answers = [status("running", 400), taken(cloud, kind), interrupted, status("finished")]
    outcome = watching().follow()
    assert outcome.how == "over"
    assert script.asked.count("revive") == 1
    assert cloud.calls.count("start") == 1
    assert outcome.rental.restarts == 1
    assert any("starting it again, 1 of 3" in line for line in told)
    assert any("first goes on from its last commit" in line for line in told)


def test_restarts_are_bounded(watching: Watching, script: FarFake, cloud: FakeCompute) -> None:
    script.answers = [taken(cloud)]
    with pytest.raises(CloudError, match=r"may be started again 2 times only.*--watch"):
        watching(max_restarts=2).follow()
    assert cloud.calls.count("start") == 2


def test_a_zone_that_is_full_is_asked_again(
    watching: Watching, script: FarFake, cloud: FakeCompute, told: list[str]
) -> None:
    script.answers = [taken(cloud), status("finished")]
    cloud.failures["start"] = [STOCKOUT, STOCKOUT]
    assert watching().follow().how == "over"
    assert cloud.calls.count("start") == 3
    assert sum("not have enough resources" in line for line in told) == 2


def test_a_zone_that_stays_full_ends_the_wait(
    watching: Watching, script: FarFake, cloud: FakeCompute
) -> None:
    script.answers = [taken(cloud)]
    cloud.failures["start"] = [STOCKOUT] * 100
    with pytest.raises(CloudError, match="try another --zone"):
        watching().follow()


def test_the_cap_holds_over_all_starts(
    watching: Watching, script: FarFake, cloud: FakeCompute
) -> None:
    def late() -> RemoteStatus:
        cloud.end("compute.instances.preempted", after_hours=3.999)
        raise ConnectionError("nobody answers")

    script.answers = [late]
    with pytest.raises(CloudError, match="has run for the 4 hours that it may"):
        watching().follow()
    assert "start" not in cloud.calls


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("compute.instances.stop", "asked"), ("compute.instances.guestTerminate", "itself")],
)
def test_what_was_meant_to_stop_stays_stopped(
    watching: Watching, script: FarFake, cloud: FakeCompute, kind: str, cause: str
) -> None:
    script.answers = [taken(cloud, kind)]
    outcome = watching().follow()
    assert (outcome.how, outcome.cause) == ("stopped", cause)
    assert "start" not in cloud.calls


def test_a_machine_that_was_deleted_is_gone(
    watching: Watching, script: FarFake, cloud: FakeCompute
) -> None:
    def deleted() -> RemoteStatus:
        cloud.machines.clear()
        raise ConnectionError("nobody answers")

    script.answers = [deleted]
    outcome = watching().follow()
    assert outcome.how == "gone"
    assert outcome.rental.rented is not None
    assert outcome.rental.rented.gone_at is not None


def test_a_machine_that_runs_and_is_silent_is_not_waited_for_without_end(
    watching: Watching, script: FarFake, told: list[str]
) -> None:
    script.answers = [ConnectionError("nobody answers at symbio@127.0.0.1:22")]
    with pytest.raises(CloudError, match=r"has not answered for .*costs \$0.50 an hour"):
        watching().follow()
    assert "nobody answers" in told[0]


def test_an_outage_at_google_is_waited_out(
    watching: Watching, script: FarFake, cloud: FakeCompute, told: list[str]
) -> None:
    watch = watching()
    script.answers = [status("finished")]
    # Longer than a single request is patient for: it pauses for a hundredth of a second, .3 in all.
    cloud.refusals["get"] = [Refusal(503, "backendError", "Try again")] * 100
    assert watch.follow().how == "over"
    assert "no usable answer from Google" in told[0]


def test_a_wrong_host_key_ends_the_watch(watching: Watching, script: FarFake) -> None:
    script.answers = [ValueError("symbio@127.0.0.1:22 shows another host key")]
    with pytest.raises(ValueError, match="another host key"):
        watching().follow()


def test_the_line_says_phase_steps_quality_and_cost(watching: Watching) -> None:
    rental = watching().rental
    line = progress_line(rental, status("running", 250))
    assert line.startswith("cambrian, 250 of 1,000 steps, best 2.500 bits per byte; $0.00 of at m")
    assert line.endswith("$2.00")
    waiting = progress_line(rental, status("waiting", 250, reason="killed by the system"))
    assert "crashed (killed by the system), starting again" in waiting
    assert progress_line(rental, RemoteStatus(state="idle")).startswith("idle; ")
