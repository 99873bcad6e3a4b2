"""What a cluster's nodes make of a run's engine."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cluster_fit import Node, fitted, gpu_share, is_away
from orchestrator.config import EngineConfig, RunConfig
from orchestrator.resolve import at_hand, resolve_engine, worker_setup
from state.run_folder import RunFolder

HEAD, GPU_NODE, CPU_NODE = Node(0, 0), Node(4, 1), Node(8, 0)


def engine(**settings: object) -> EngineConfig:
    return EngineConfig.model_validate({"ray_address": "auto", **settings})


@pytest.mark.parametrize(
    ("nodes", "asked", "device", "workers"),
    [
        pytest.param([HEAD, GPU_NODE, GPU_NODE], {}, "cuda", 2, id="one a GPU"),
        pytest.param([HEAD, GPU_NODE], {"workers": 4}, "cuda", 4, id="four share one"),
        pytest.param([CPU_NODE, CPU_NODE], {}, "cpu", 16, id="one a CPU"),
        pytest.param([CPU_NODE, GPU_NODE], {"device": "cpu"}, "cpu", 4, id="GPUs unused"),
        pytest.param([Node(1, 8)], {}, "cuda", 1, id="few CPUs"),
    ],
)
def test_the_cluster_and_not_this_machine_decides(
    nodes: list[Node], asked: dict[str, object], device: str, workers: int
) -> None:
    found = fitted(engine(**asked), nodes)
    assert (found.device, found.workers) == (device, workers)
    assert resolve_engine(found).device == device


@pytest.mark.parametrize(
    ("nodes", "asked", "said"),
    [
        (
            [CPU_NODE],
            {"device": "cuda"},
            "--device cuda: no node of the Ray at auto has a GPU",
        ),
        ([HEAD, GPU_NODE], {"workers": 12}, "12 are more than the 4 CPUs on nodes with a GPU"),
        ([CPU_NODE], {"workers": 9}, "9 are more than the 8 CPUs of the Ray at auto, and each"),
        ([HEAD], {}, "no node of the Ray at auto has a CPU"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(
    nodes: list[Node], asked: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        fitted(engine(**asked), nodes)


def test_only_a_cluster_of_ray_is_away() -> None:
    assert is_away(engine())
    assert not is_away(engine(engine="inline"))
    assert not is_away(EngineConfig())


def test_a_run_of_a_gpu_is_looked_at_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(engine=EngineConfig(device="cuda"))
    setup = worker_setup(config, RunFolder(Path("run")))
    monkeypatch.setattr("orchestrator.resolve._has_cuda", lambda: False)
    assert at_hand(setup).device == "cpu"
    monkeypatch.setattr("orchestrator.resolve._has_cuda", lambda: True)
    assert at_hand(setup) is setup


@given(
    nodes=st.lists(st.builds(Node, st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=5),
    members=st.integers(1, 12),
)
def test_shares_let_everybody_in_and_are_as_large_as_can_be(
    nodes: list[Node], members: int
) -> None:
    share = gpu_share(nodes, members)
    homes = [node for node in nodes if node.gpus]
    if not homes:
        assert share == 0
        return
    number = round(1 / share)

    def places(number: int) -> int:
        return sum(min(node.cpus, number * node.gpus) for node in homes)

    if sum(node.cpus for node in homes) >= members:
        assert places(number) >= members
        assert number == 1 or places(number - 1) < members
