"""A server that speaks the paths of the Compute API that are used, on this machine, over HTTP.

Answers have the shapes of Google's. Operations take time; refusals and failures are put in line
beforehand; machines can be taken away, turned off or aged.
"""

import base64
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode()
"""A host key that nobody has the other half of."""
PROJECT, ZONE = "night-work", "us-central1-b"


class Refusal(NamedTuple):
    """An answer that is an error."""

    status: int
    reason: str
    message: str


class Failure(NamedTuple):
    """An operation that ends in an error; of an insert, the machine may stay."""

    code: str
    message: str
    leaves: bool = False


QUOTA = Refusal(403, "quotaExceeded", "Quota 'GPUS_ALL_REGIONS' exceeded. Limit: 0.0 globally.")
DENIED = Refusal(
    403, "forbidden", f"Required 'compute.instances.create' permission for 'projects/{PROJECT}'"
)
EXPIRED = Refusal(401, "authError", "Request had invalid authentication credentials.")
STOCKOUT = Failure(
    "ZONE_RESOURCE_POOL_EXHAUSTED",
    f"The zone 'projects/{PROJECT}/zones/{ZONE}' does not have enough resources available.",
)


class FakeCompute:
    """The far end. `refusals` and `failures` are used up in order, by verb."""

    def __init__(self) -> None:
        self.machines: dict[tuple[str, str], Json] = {}
        """By zone and name."""
        self.operations: dict[str, Json] = {}
        self.calls: list[str] = []
        self.bodies: list[Json] = []
        self.refusals: dict[str, list[Refusal]] = defaultdict(list)
        self.failures: dict[str, list[Failure]] = defaultdict(list)
        self.cut: dict[str, int] = defaultdict(int)
        """Answers that are done and never sent."""
        self.seconds = 0.0
        """That an operation takes."""
        self.host_keys: list[tuple[str, str]] = [("ssh-ed25519", KEY)]
        self.unpublished = 0
        """Looks at the host keys before they are there."""
        self.address = "127.0.0.1"
        self._requests: dict[str, str] = {}
        self._lock = threading.RLock()

    def machine(self, name: str = "symbio-train") -> Json:
        """As it is."""
        return next(one for (_, known), one in self.machines.items() if known == name)

    def age(self, hours: float, name: str = "symbio-train") -> None:
        """Let it have been there for longer."""
        one = self.machine(name)
        for field in ("creationTimestamp", "lastStartTimestamp", "lastStopTimestamp"):
            if field in one:
                moved = datetime.fromisoformat(one[field]) - timedelta(hours=hours)
                one[field] = moved.isoformat()

    def end(self, kind: str, name: str = "symbio-train", *, after_hours: float = 0.0) -> None:
        """Let it stop by an operation of Google's own, such as a preemption."""
        with self._lock:
            one = self.machine(name)
            at = datetime.now(UTC) + timedelta(hours=after_hours)
            one.update(status="TERMINATED", lastStopTimestamp=at.isoformat())
            one["networkInterfaces"][0]["accessConfigs"][0].pop("natIP", None)
            if kind:
                self._operation(kind, one)["status"] = "DONE"

    def answer(self, method: str, path: str, query: dict[str, str], body: Json) -> Json | Refusal:
        """To one request; the path without what stands before `projects`."""
        with self._lock:
            parts = path.strip("/").split("/")
            verb = _verb(method, parts)
            self.calls.append(verb)
            if self.refusals[verb]:
                return self.refusals[verb].pop(0)
            known = self._requests.get(query.get("requestId", ""))
            if known:
                return self.operations[known]
            found = self._do(verb, parts, query, body)
            if query.get("requestId") and not isinstance(found, Refusal):
                self._requests[query["requestId"]] = found["name"]
            return found

    def _do(self, verb: str, parts: list[str], query: dict[str, str], body: Json) -> Json | Refusal:
        if verb == "aggregated":
            return self._listed()
        zone = parts[3]
        if verb == "insert":
            return self._insert(zone, body)
        if verb == "operations":
            wanted = int(query["filter"].partition("=")[2])
            found = [one for one in self.operations.values() if one["targetId"] == str(wanted)]
            return {"items": [_public(one) for one in found]}
        if verb in {"wait", "operation"}:
            return _public(self._settled(self.operations[parts[5]]))
        name = parts[5]
        one = self.machines.get((zone, name))
        if one is None:
            where = f"projects/{parts[1]}/zones/{zone}/instances/{name}"
            return Refusal(404, "notFound", f"The resource '{where}' was not found")
        return self._on(verb, one, body)

    def _on(self, verb: str, one: Json, body: Json) -> Json | Refusal:
        match verb:
            case "get":
                return one
            case "getGuestAttributes":
                return self._keys()
            case "setLabels":
                one["labels"] = body["labels"]
            case "setScheduling":
                one["scheduling"] = body
            case "start":
                one.update(status="STAGING", lastStartTimestamp=_now())
            case "stop" | "delete":
                one["status"] = "STOPPING"
            case _:
                raise AssertionError(f"nobody here knows {verb}")
        return _public(self._operation(verb, one))

    def _insert(self, zone: str, body: Json) -> Json | Refusal:
        if (zone, body["name"]) in self.machines:
            message = f"The resource '{body['name']}' already exists"
            return Refusal(409, "alreadyExists", message)
        self.bodies.append(body)
        one = {
            **body,
            "id": str(9000 + len(self.operations)),
            "zone": f"https://x/projects/{PROJECT}/zones/{zone}",
            "status": "PROVISIONING",
            "labelFingerprint": "42WmSpB8rSM=",
            "creationTimestamp": _now(),
            "lastStartTimestamp": _now(),
        }
        self.machines[zone, body["name"]] = one
        return _public(self._operation("insert", one))

    def _operation(self, kind: str, one: Json) -> Json:
        name = f"operation-{len(self.operations)}"
        self.operations[name] = {
            "name": name,
            "operationType": kind,
            "status": "RUNNING",
            "targetId": one["id"],
            "insertTime": _now(),
            "_due": time.monotonic() + self.seconds,
            "_target": one,
        }
        return self.operations[name]

    def _settled(self, operation: Json) -> Json:
        """A wait is held open until it is done; here the machine becomes what it was to become."""
        time.sleep(max(0.0, min(2.0, operation["_due"] - time.monotonic())))
        if operation["status"] == "DONE" or time.monotonic() < operation["_due"]:
            return operation
        operation.update(status="DONE", endTime=_now(), progress=100)
        kind, one = operation["operationType"], operation["_target"]
        place = next((key for key, value in self.machines.items() if value is one), None)
        if self.failures[kind]:
            failure = self.failures[kind].pop(0)
            error = {"code": failure.code, "message": failure.message}
            operation.update(error={"errors": [error]}, httpErrorStatusCode=503)
            if kind == "insert" and not failure.leaves and place:
                del self.machines[place]
            if kind == "start":
                one["status"] = "TERMINATED"
            if kind in {"stop", "delete"} or failure.leaves:
                one["status"] = "RUNNING"
        elif kind in {"insert", "start"}:
            one["status"] = "RUNNING"
            one["networkInterfaces"][0]["accessConfigs"][0]["natIP"] = self.address
        elif kind == "stop":
            one.update(status="TERMINATED", lastStopTimestamp=_now())
        elif kind == "delete" and place:
            del self.machines[place]
        return operation

    def _keys(self) -> Json | Refusal:
        if self.unpublished:
            self.unpublished -= 1
            return Refusal(404, "notFound", "The resource 'hostkeys/' of type 'Guest Attribute'")
        items = [{"namespace": "hostkeys", "key": k, "value": v} for k, v in self.host_keys]
        return {"queryPath": "hostkeys/", "queryValue": {"items": items}}

    def _listed(self) -> Json:
        zones: Json = {"zones/europe-west4-a": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}
        for (zone, _), one in self.machines.items():
            if one.get("labels", {}).get("symbio-tool") == "symbio-auto":
                listed = zones.setdefault(f"zones/{zone}", {})
                listed.setdefault("instances", []).append(one)
        return {"items": zones}


def _verb(method: str, parts: list[str]) -> str:
    """`instances/NAME` and what is done with it."""
    if parts[2] == "aggregated":
        return "aggregated"
    rest = parts[4:]
    if rest[0] == "operations":
        return ["operations", "operation", "wait"][len(rest) - 1]
    if len(rest) == 3:
        return rest[2]
    return {"GET": "get", "DELETE": "delete", "POST": "insert"}[method]


def _public(operation: Json) -> Json:
    return {key: value for key, value in operation.items() if not key.startswith("_")}


def _now() -> str:
    return datetime.now(UTC).isoformat()


class Handler(BaseHTTPRequestHandler):
    """HTTP around it."""

    fake: FakeCompute
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self._answer({})

    def do_DELETE(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._answer(json.loads(self.rfile.read(length) or b"{}"))

    def _answer(self, body: Json) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path).partition("/compute/v1/")[2]
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        found = self.fake.answer(self.command, path, query, body)
        verb = self.fake.calls[-1]
        if self.fake.cut[verb]:
            self.fake.cut[verb] -= 1
            self.close_connection = True
            return
        status = found.status if isinstance(found, Refusal) else 200
        sent = json.dumps(_error(found) if isinstance(found, Refusal) else found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""


@contextmanager
def serving(fake: FakeCompute) -> Iterator[str]:
    """Its address, while it serves."""
    handler = type("OwnHandler", (Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _error(refusal: Refusal) -> Json:
    one = {"message": refusal.message, "domain": "global", "reason": refusal.reason}
    return {"error": {"code": refusal.status, "message": refusal.message, "errors": [one]}}
