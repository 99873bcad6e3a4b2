"""The cluster files say what Ray, Kubernetes and the lock file say."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from orchestrator.cluster_fit import Node, fitted, gpu_share
from orchestrator.config import EngineConfig

ROOT = Path(__file__).parents[3]
CLUSTER = ROOT / "deploy" / "cluster"
PACKAGES = ("state", "trainer", "inference_battery", "orchestrator", "dashboard", "deploy")


def locked(name: str) -> str:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    found = re.search(rf"^{name}==(.+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def launched() -> dict[str, Any]:
    return dict(yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text(encoding="utf-8")))


@pytest.fixture
def kuberay() -> dict[str, Any]:
    text = (CLUSTER / "kuberay.yaml").read_text(encoding="utf-8")
    claim, cluster = yaml.safe_load_all(text)
    assert claim["metadata"]["name"] == "symbio-runs"
    return dict(cluster)


def test_the_file_for_gcp_is_one_of_ray(launched: dict[str, Any]) -> None:
    spec = find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(launched, json.loads(schema.read_text(encoding="utf-8")))
    assert launched["head_node_type"] in launched["available_node_types"]


def test_every_rented_machine_has_an_end_and_a_label(launched: dict[str, Any]) -> None:
    for node in launched["available_node_types"].values():
        scheduling = node["node_config"]["scheduling"]
        assert int(scheduling["maxRunDuration"]["seconds"]) <= 24 * 3600
        assert scheduling["instanceTerminationAction"] == "DELETE"
        assert node["node_config"]["labels"][0]["key"] == "symbio-tool"
        assert all(disk["autoDelete"] for disk in node["node_config"]["disks"])


def test_the_members_of_the_example_fit_its_nodes(
    launched: dict[str, Any], kuberay: dict[str, Any]
) -> None:
    offers = [
        node["resources"]
        for node in launched["available_node_types"].values()
        for _ in range(max(1, node["max_workers"]))
    ]
    nodes = [Node(one["CPU"], one.get("GPU", 0)) for one in offers]
    found = fitted(example("ray-cluster.yaml"), nodes)
    assert (found.device, found.workers, gpu_share(nodes, 8)) == ("cuda", 8, 0.25)
    (group,) = kuberay["spec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    fitted(example("kuberay.yaml"), [Node(int(limits["cpu"]), 0)] * group["replicas"])


def example(name: str) -> EngineConfig:
    """The engine of the command that a file shows."""
    shown = re.search(r"--workers (\d+)", (CLUSTER / name).read_text(encoding="utf-8"))
    assert shown is not None
    return EngineConfig(ray_address="auto", workers=int(shown[1]))


def test_nobody_gets_in_without_a_token_and_no_page_is_open(
    launched: dict[str, Any], kuberay: dict[str, Any]
) -> None:
    for name in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert "RAY_AUTH_MODE=token" in launched[name][-1]
    assert "--dashboard-host=127.0.0.1" in launched["head_start_ray_commands"][-1]
    assert "~/.ray/auth_token" in launched["file_mounts"]
    assert kuberay["spec"]["authOptions"] == {"mode": "token"}
    head = kuberay["spec"]["headGroupSpec"]
    assert head["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    assert head["serviceType"] == "ClusterIP"


def test_every_node_has_room_for_the_object_store(kuberay: dict[str, Any]) -> None:
    groups = [kuberay["spec"]["headGroupSpec"], *kuberay["spec"]["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        (shm,) = [one for one in pod["volumes"] if one["name"] == "shm"]
        assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]
        assert shm["emptyDir"]["medium"] == "Memory"
        room = int(shm["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 2**30
        assert room > int(group["rayStartParams"]["object-store-memory"])
        assert pod["securityContext"]["runAsNonRoot"]


def test_versions_are_those_of_the_lock_file(kuberay: dict[str, Any]) -> None:
    assert kuberay["spec"]["rayVersion"] == locked("ray")
    assert f"ray[default]=={locked('ray')}" in (CLUSTER / "ray-cluster.yaml").read_text()


def test_the_image_has_every_package_and_says_how_much_shared_memory() -> None:
    text = (CLUSTER / "Dockerfile").read_text(encoding="utf-8")
    copied = {words[1] for line in text.splitlines() if (words := line.split())[:1] == ["COPY"]}
    assert copied >= set(PACKAGES)
    assert "--shm-size" in text
    assert "USER symbio" in text
