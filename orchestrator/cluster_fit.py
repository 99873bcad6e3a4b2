"""How many members train at once in a cluster, and on what: its nodes decide, not this machine.

Where nodes have GPUs, members train on those nodes alone, one a GPU unless more are asked for;
then they share them evenly. Each takes a CPU. Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.config import EngineConfig


class Node(NamedTuple):
    """What a node of a cluster offers."""

    cpus: int
    gpus: int


def is_away(engine: EngineConfig) -> bool:
    """The members train in a cluster that runs, maybe not on this machine."""
    return engine.engine == "ray" and engine.ray_address != "local"


def fitted(engine: EngineConfig, nodes: Sequence[Node]) -> EngineConfig:
    """The engine with the device and the members at once that the cluster has.

    Raises:
        ValueError: it has no GPU where one is asked for, or too few places.
    """
    gpus, where = sum(node.gpus for node in nodes), f"the Ray at {engine.ray_address}"
    if engine.device == "cuda" and not gpus:
        raise ValueError(
            f"--device cuda: no node of {where} has a GPU; use --device cpu or auto, or start its "
            "nodes with theirs"
        )
    device = engine.device if engine.device != "auto" else "cuda" if gpus else "cpu"
    most = sum(node.cpus for node in _with_places(nodes))
    if not most:
        raise ValueError(f"no node of {where} has a CPU for a member; start nodes that have")
    wanted = engine.workers or (min(gpus, most) if device == "cuda" else most)
    if wanted > most:
        kind = "CPUs on nodes with a GPU" if gpus else "CPUs"
        raise ValueError(
            f"--workers {wanted} are more than the {most} {kind} of {where}, and each takes one; "
            f"give --workers {most}, or more nodes"
        )
    return engine.model_copy(update={"device": device, "workers": wanted})


def gpu_share(nodes: Sequence[Node], members: int) -> float:
    """Of a GPU for each of so many members, as large as lets all of them in; 0 without GPUs."""
    homes = _with_places(nodes)
    if not any(node.gpus for node in homes):
        return 0.0
    for number in range(1, members + 1):
        if sum(min(node.cpus, number * node.gpus) for node in homes) >= members:
            return 1 / number
    return 1 / members


def _with_places(nodes: Sequence[Node]) -> Sequence[Node]:
    with_gpus = [node for node in nodes if node.gpus]
    return with_gpus or nodes
