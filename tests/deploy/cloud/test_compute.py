"""What Google does and says, over HTTP, and what a user is told of it."""

import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from deploy.cloud.compute import Compute
from deploy.cloud.faults import CloudError, NameTaken, NoCapacity, Unreachable, no_credentials
from deploy.cloud.instance import HostKey, why_stopped
from deploy.cloud.machine import Order, body_of
from state.progress import Progress, Reporter
from tests.deploy.cloud.conftest import TIMING
from tests.deploy.fake_compute import (
    DENIED,
    EXPIRED,
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
BODY = body_of(Order(project=PROJECT, public_key="ssh-ed25519 AAAA"))


class Heard:
    """A sink of progress."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, progress: Progress) -> None:
        self.lines.append(progress.what)

    def remove(self) -> None:
        """Nothing is shown."""


def test_a_machine_lives_through_all_its_states(api: Compute, cloud: FakeCompute) -> None:
    cloud.seconds = 0.05
    assert api.get(NAME) is None
    api.insert(BODY)
    found = api.get(NAME)
    assert found is not None
    assert (found.status, found.address, found.machine_type) == (
        *("RUNNING", "127.0.0.1", "g2-standard-4"),
    )
    assert found.cap_seconds == 43200
    assert found.is_ours
    api.stop(NAME)
    stopped = api.get(NAME)
    assert stopped is not None
    assert stopped.is_stopped
    assert stopped.stopped_at is not None
    api.set_cap(NAME, 3600)
    api.start(NAME)
    again = api.get(NAME)
    assert again is not None
    assert (again.runs, again.cap_seconds) == (True, 3600)
    api.delete(NAME)
    assert api.get(NAME) is None
    # What is gone needs no deletion.
    api.delete(NAME)
    assert cloud.machines == {}


def test_operations_are_waited_for_where_they_were_begun(api: Compute, cloud: FakeCompute) -> None:
    """The library's own wait would ask Google whatever endpoint it was given."""
    cloud.seconds = 0.1
    api.insert(BODY)
    assert cloud.calls.count("wait") >= 1
    assert cloud.machine()["status"] == "RUNNING"


def test_an_operation_that_takes_time_is_told_of(cloud: FakeCompute, api: Compute) -> None:
    heard = Heard()
    api._reporter = Reporter(heard)
    cloud.seconds = 1.2
    api.insert(BODY)
    assert heard.lines[0] == f"creating {NAME} in {ZONE}"
    assert len(heard.lines) >= 2


def test_an_operation_that_never_ends_is_left(api: Compute, cloud: FakeCompute) -> None:
    cloud.seconds = 60.0
    api._timing = TIMING._replace(operation=0.0)
    with pytest.raises(CloudError, match="Google has worked on it for 0 s"):
        api.insert(BODY)


def test_an_answer_that_is_lost_creates_no_second_machine(api: Compute, cloud: FakeCompute) -> None:
    cloud.cut["insert"] = 1
    api.insert(BODY)
    assert cloud.calls.count("insert") == 2
    assert len(cloud.bodies) == 1


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (QUOTA, "Limit: 0.0 globally; ask for more at console.cloud.google.com/iam-admin/quotas"),
        (DENIED, "roles/compute.instanceAdmin.v1"),
        (
            Refusal(403, "accessNotConfigured", "Compute Engine API has not been used."),
            "gcloud services enable compute.googleapis.com --project night-work",
        ),
        (Refusal(429, "rateLimitExceeded", "Quota exceeded for quota metric"), "wait a minute"),
        (Refusal(404, "notFound", "The resource 'projects/night-work' was not found"), "--project"),
        (Refusal(400, "invalid", "Invalid value for field 'zone': 'x-y9-z'."), "'zone': 'x-y9-z'"),
        (Refusal(409, "alreadyExists", "The resource 'x' already exists"), "choose another --name"),
        (Refusal(403, "billingNotEnabled", "Billing is off."), "billing account"),
    ],
)
def test_each_refusal_is_one_line_with_a_remedy(
    api: Compute, cloud: FakeCompute, refusal: Refusal, said: str
) -> None:
    cloud.refusals["insert"] = [refusal] * 40
    with pytest.raises((CloudError, Unreachable)) as caught:
        api.insert(BODY)
    line = str(caught.value)
    assert line.startswith(f"cannot create {NAME} in {ZONE}: ")
    assert said in line or refusal.status == 429
    assert "\n" not in line
    assert cloud.machines == {}


def test_a_zone_without_such_machines_is_another_thing(api: Compute, cloud: FakeCompute) -> None:
    cloud.failures["insert"] = [STOCKOUT]
    with pytest.raises(NoCapacity, match="try another --zone"):
        api.insert(BODY)


def test_quota_that_only_the_operation_finds_is_quota(api: Compute, cloud: FakeCompute) -> None:
    message = "Quota 'NVIDIA_L4_GPUS' exceeded.  Limit: 0.0 in region us-central1."
    cloud.failures["insert"] = [Failure("QUOTA_EXCEEDED", message)]
    with pytest.raises(CloudError, match=r"NVIDIA_L4_GPUS.*iam-admin/quotas"):
        api.insert(BODY)


def test_a_name_that_is_taken_is_said(api: Compute, cloud: FakeCompute) -> None:
    api.insert(BODY)
    with pytest.raises(NameTaken, match="choose another --name"):
        api.insert(BODY)


def test_a_project_that_is_none_is_not_an_absent_machine(api: Compute, cloud: FakeCompute) -> None:
    cloud.refusals["get"] = [Refusal(404, "notFound", "The resource 'projects/x' was not found")]
    with pytest.raises(CloudError, match="--project"):
        api.get(NAME)


def test_a_short_outage_is_waited_out(api: Compute, cloud: FakeCompute) -> None:
    cloud.refusals["get"] = [Refusal(503, "backendError", "Try again")] * 3
    assert api.get(NAME) is None
    assert cloud.calls.count("get") == 4


def test_a_long_outage_is_one_line(api: Compute, cloud: FakeCompute) -> None:
    cloud.refusals["get"] = [Refusal(503, "backendError", "Try again")] * 1000
    with pytest.raises(Unreachable, match=r"^cannot look at symbio-train: no usable answer"):
        api.get(NAME)


def test_host_keys_are_absent_until_they_are_published(api: Compute, cloud: FakeCompute) -> None:
    api.insert(BODY)
    cloud.unpublished = 1
    assert api.host_keys(NAME) == []
    assert api.host_keys(NAME) == [HostKey("ssh-ed25519", KEY)]


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("compute.instances.preempted", "preempted"),
        ("compute.instances.hostError", "host error"),
        ("compute.instances.guestTerminate", "itself"),
        ("", "unknown"),
    ],
)
def test_why_a_machine_stopped(api: Compute, cloud: FakeCompute, kind: str, cause: str) -> None:
    api.insert(BODY)
    cloud.end(kind)
    found = api.get(NAME)
    assert found is not None
    assert why_stopped(found, api.stops(found)) == cause


def test_a_machine_that_was_taken_away_also_turned_itself_off(
    api: Compute, cloud: FakeCompute
) -> None:
    api.insert(BODY)
    cloud.end("compute.instances.preempted")
    cloud.end("compute.instances.guestTerminate")
    found = api.get(NAME)
    assert found is not None
    assert why_stopped(found, api.stops(found)) == "preempted"


def test_the_cap_is_known_by_the_hours(api: Compute, cloud: FakeCompute) -> None:
    api.insert(BODY)
    cloud.age(12.0)
    cloud.end("")
    found = api.get(NAME)
    assert found is not None
    assert why_stopped(found, api.stops(found)) == "cap"


def test_a_preemption_of_an_earlier_start_is_history(api: Compute, cloud: FakeCompute) -> None:
    api.insert(BODY)
    cloud.end("compute.instances.preempted")
    api.start(NAME)
    api.stop(NAME)
    found = api.get(NAME)
    assert found is not None
    assert why_stopped(found, api.stops(found)) == "asked"


def test_only_our_machines_are_listed_in_every_zone(api: Compute, cloud: FakeCompute) -> None:
    api.insert(BODY)
    api.insert({**BODY, "name": "foreign", "labels": {}})
    assert [(one.name, one.zone, one.run) for one in api.ours()] == [(NAME, ZONE, None)]
    api.set_label(NAME, "symbio-run", "first")
    assert [one.run for one in api.ours()] == ["first"]


def test_credentials_that_google_does_not_take_are_renewed_by_a_login(
    api: Compute, cloud: FakeCompute
) -> None:
    cloud.refusals["get"] = [EXPIRED] * 9
    with pytest.raises(CloudError, match=r"does not take your login.*application-default login"):
        api.get(NAME)


def test_logins_that_are_absent_and_expired_are_told_apart() -> None:
    expired = RefreshError("invalid_grant: Token has been expired or revoked.", {})  # type: ignore[no-untyped-call]
    assert "has expired (invalid_grant" in str(no_credentials(expired))
    absent = DefaultCredentialsError("...")  # type: ignore[no-untyped-call]
    assert "there is no login" in str(no_credentials(absent))
