"""The Compute API, as far as a machine needs it.

Operations are waited for by a client of our own: the library's wait asks another endpoint than the
one it was given, and its timeouts are not ours.
"""

import json
import time
from collections.abc import Callable
from typing import NamedTuple, TypedDict
from uuid import uuid4

from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import Credentials
from google.cloud import compute_v1

from deploy.cloud.described import instance_of, moment
from deploy.cloud.explained import TRANSIENT, explained
from deploy.cloud.faults import CloudError, NotThere, Said, refusal
from deploy.cloud.instance import HostKey, Instance, Stop
from deploy.cloud.machine import TOOL, TOOL_LABEL, Body
from state.progress import SILENT, Reporter


class Timing(NamedTuple):
    """Seconds."""

    first_pause: float = 1.0
    longest_pause: float = 10.0
    patience: float = 60.0
    """Between the first try of a request and the last."""
    answer: float = 150.0
    """For one answer: a wait is held open for up to two minutes."""
    operation: float = 900.0
    """For an operation to be done."""


USUAL = Timing()


class Patience(TypedDict):
    """How long a call of the library waits, and what it tries again."""

    retry: Retry
    timeout: float


class Compute:
    """Machines of one project in one zone.

    Every method raises CloudError where Google refuses, and Unreachable where nobody answers.
    """

    def __init__(
        self,
        project: str,
        zone: str,
        credentials: Credentials,
        *,
        endpoint: str | None = None,
        reporter: Reporter = SILENT,
        timing: Timing = USUAL,
    ) -> None:
        options = ClientOptions(api_endpoint=endpoint) if endpoint else ClientOptions()
        self.project, self.zone = project, zone
        self._instances = compute_v1.InstancesClient(
            credentials=credentials, client_options=options
        )
        self._operations = compute_v1.ZoneOperationsClient(
            credentials=credentials, client_options=options
        )
        self._reporter, self._timing = reporter, timing
        self._retry = Retry(
            predicate=if_exception_type(*TRANSIENT),
            initial=timing.first_pause,
            maximum=timing.longest_pause,
            timeout=timing.patience,
        )

    def get(self, name: str) -> Instance | None:
        """The machine of that name; None where there is none."""
        try:
            with explained(f"look at {name}", self.project):
                found = self._instances.get(
                    project=self.project, zone=self.zone, instance=name, **self._patience()
                )
        except NotThere as error:
            if f"/instances/{name}" not in str(error):
                raise
            return None
        return instance_of(found)

    def ours(self) -> list[Instance]:
        """Every machine that this program has rented in the project, in any zone."""
        request = compute_v1.AggregatedListInstancesRequest(
            project=self.project,
            filter=f"labels.{TOOL_LABEL}={TOOL}",
        )
        with explained(f"list the machines of {self.project}", self.project):
            pages = self._instances.aggregated_list(request=request, **self._patience())
            return [instance_of(one) for _, listed in pages for one in listed.instances]

    def insert(self, body: Body) -> None:
        """Create the machine; returns once it is being started."""
        name = str(body["name"])
        what = f"create {name} in {self.zone}"
        resource = compute_v1.Instance.from_json(json.dumps(body))
        self._do(
            what,
            lambda: self._instances.insert_unary(
                request=compute_v1.InsertInstanceRequest(
                    project=self.project,
                    zone=self.zone,
                    instance_resource=resource,
                    request_id=str(uuid4()),
                ),
                **self._patience(),
            ),
        )

    def start(self, name: str) -> None:
        """Start a machine that is stopped."""
        request = compute_v1.StartInstanceRequest(**self._of(name))
        self._do(f"start {name}", lambda: self._instances.start_unary(request, **self._patience()))

    def stop(self, name: str) -> None:
        """Stop the machine and keep its disk."""
        request = compute_v1.StopInstanceRequest(**self._of(name))
        self._do(f"stop {name}", lambda: self._instances.stop_unary(request, **self._patience()))

    def delete(self, name: str) -> None:
        """Delete the machine with its disk; one that is gone is fine."""
        request = compute_v1.DeleteInstanceRequest(**self._of(name))
        try:
            self._do(
                f"delete {name}",
                lambda: self._instances.delete_unary(request, **self._patience()),
            )
        except NotThere:
            if self.get(name) is not None:
                raise

    def set_cap(self, name: str, seconds: float) -> None:
        """Let the next start of a stopped machine end after so long."""
        what = f"set the cap of {name}"
        with explained(what, self.project):
            found = self._instances.get(
                project=self.project, zone=self.zone, instance=name, **self._patience()
            )
        scheduling = found.scheduling
        scheduling.max_run_duration = compute_v1.Duration(seconds=int(seconds))
        request = compute_v1.SetSchedulingInstanceRequest(
            **self._of(name), scheduling_resource=scheduling
        )
        self._do(what, lambda: self._instances.set_scheduling_unary(request, **self._patience()))

    def set_label(self, name: str, key: str, value: str) -> None:
        """Change one label of the machine."""
        what = f"label {name}"
        with explained(what, self.project):
            found = self._instances.get(
                project=self.project, zone=self.zone, instance=name, **self._patience()
            )
        request = compute_v1.SetLabelsInstanceRequest(
            **self._of(name),
            instances_set_labels_request_resource=compute_v1.InstancesSetLabelsRequest(
                label_fingerprint=found.label_fingerprint, labels={**found.labels, key: value}
            ),
        )
        self._do(what, lambda: self._instances.set_labels_unary(request, **self._patience()))

    def host_keys(self, name: str) -> list[HostKey]:
        """What the machine has published of its host keys; nothing before its first start."""
        request = compute_v1.GetGuestAttributesInstanceRequest(
            project=self.project, zone=self.zone, instance=name, query_path="hostkeys/"
        )
        try:
            with explained(f"read the host keys of {name}", self.project):
                found = self._instances.get_guest_attributes(request, **self._patience())
        except NotThere:
            return []
        return [HostKey(one.key, one.value.strip()) for one in found.query_value.items]

    def stops(self, instance: Instance) -> list[Stop]:
        """The operations on the machine, the newest first."""
        request = compute_v1.ListZoneOperationsRequest(
            project=self.project, zone=self.zone, filter=f"targetId={instance.id}"
        )
        with explained(f"ask what happened to {instance.name}", self.project):
            found = list(self._operations.list(request, **self._patience()))
        stops = [
            Stop(kind=one.operation_type, at=moment(one.end_time or one.insert_time))
            for one in found
        ]
        return sorted(stops, key=lambda one: one.at, reverse=True)

    def _of(self, name: str) -> dict[str, str]:
        return {
            "project": self.project,
            "zone": self.zone,
            "instance": name,
            "request_id": str(uuid4()),
        }

    def _patience(self) -> "Patience":
        return {"retry": self._retry, "timeout": self._timing.answer}

    def _do(self, what: str, ask: Callable[[], compute_v1.Operation]) -> None:
        """Ask for something that takes time, and wait until it is done."""
        with self._reporter.work(_doing(what)), explained(what, self.project):
            deadline = time.monotonic() + self._timing.operation
            operation = ask()
            while int(operation.status) != int(compute_v1.Operation.Status.DONE):
                if time.monotonic() > deadline:
                    raise CloudError(
                        f"cannot {what}: Google has worked on it for "
                        f"{self._timing.operation:.0f} s; see symbio-auto gcp status"
                    )
                operation = self._operations.wait(
                    project=self.project,
                    zone=self.zone,
                    operation=operation.name,
                    **self._patience(),
                )
        for one in operation.error.errors:
            status = int(operation.http_error_status_code)
            raise refusal(Said(status, one.code, one.message), what, self.project)


def _doing(what: str) -> str:
    """`create x` as `creating x`."""
    verb, _, rest = what.partition(" ")
    stems = {"stop": "stopp", "set": "sett"}
    return f"{stems.get(verb, verb.removesuffix('e'))}ing {rest}"
