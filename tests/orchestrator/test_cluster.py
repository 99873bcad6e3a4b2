"""A run over several nodes of Ray, one of which dies, is the run that one machine alone does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.engine import InlineEngine
from orchestrator.kill_test.contents import contents
from state.commit import load_commit
from state.results import TrainingResult
from state.run_folder import RunFolder
from state.tasks import Task
from tests.orchestrator.ray_cluster import RayCluster, require_namespaces, wait_for
from tests.task_builders import make_training_task, make_worker_setup
from trainer.demo_corpus import write_demo_corpus

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
TINY = {
    "budget": 60,
    "model": {"dim": 8, "heads": 1, "layers": 1, "block": 16},
    "optimizer": {"batch": 8},
    "data": {"paths": ["corpus.txt"], "tokenizer": "byte", "search_bytes": 1000},
    "battery": {"prompts": 1, "max_new_tokens": 1, "temperatures": [0.8]},
    "gate": {"resamples": 100},
    "engine": {"host_threads": 1, "workers": 2},
    "run_dir": "run",
}
LOSSES = ("killed", "cut off")
STACKS = """
import sys
from orchestrator.ray_engine import RayEngine
from tests.orchestrator.test_cluster import members
from trainer.config import WorkerSetup
engine = RayEngine(WorkerSetup.model_validate_json(sys.argv[1]), 2, sys.argv[2])
for outcome in engine.run(members(), lambda: False):
    print(outcome.result.checkpoint)
engine.close()
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a run each, with the same corpus and configuration."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("alone", *LOSSES):
        (root / name).mkdir()
        write_demo_corpus(root / name / "corpus.txt", 20_000)
        (root / name / "tiny.json").write_text(json.dumps(TINY), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def cluster(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    require_namespaces()
    made = RayCluster(tmp_path_factory.mktemp("cluster"), runs)
    try:
        made.start_head()
        yield made
    finally:
        made.stop()


def members() -> list[Task]:
    """Two stacks for two workers."""
    return [make_training_task(task_id=f"m{seed}", init_seed=seed) for seed in range(4)]


def begin(folder: Path, cluster: RayCluster, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", "--config", "tiny.json", *words],
        cwd=folder,
        env={**cluster.environment, "SYMBIO_NO_FIGURES": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def alone(runs: Path, cluster: RayCluster) -> RunFolder:
    """The run on one machine, in one process."""
    with begin(runs / "alone", cluster, "--engine", "inline") as process:
        printed, _ = process.communicate()
    assert process.returncode == 0, printed[-2000:]
    return RunFolder(runs / "alone" / "run")


@pytest.mark.parametrize(
    "loss",
    ["killed", pytest.param("cut off", marks=pytest.mark.soak)],
)
def test_lineages_spread_over_nodes_without_a_shared_disk_and_survive_the_loss_of_one(
    runs: Path, alone: RunFolder, cluster: RayCluster, loss: str
) -> None:
    if loss == "cut off" and cluster.network is None:
        pytest.skip("this account may not make a network")
    joined = cluster.join()
    done_there = cluster.scratch(joined)
    with begin(runs / loss, cluster, "--ray-address", cluster.address) as spread:
        wait_for(lambda: len([*done_there.glob("*/*/partial/*.outcome.json")]) >= 3, 300)
        if loss == "cut off":
            cluster.cut(joined)
        else:
            assert cluster.kill(joined) >= 2
        printed, _ = spread.communicate()
    assert spread.returncode == 0, printed[-2000:]
    ends = [alone, RunFolder(runs / loss / "run")]
    commits = [load_commit(folder).record for folder in ends]
    assert commits[0].objects == commits[1].objects
    assert commits[0].kept == commits[1].kept
    for name in ("metrics.jsonl", "results.jsonl", "events.jsonl"):
        assert contents(ends[0])[name] == contents(ends[1])[name], name
    assert [*done_there.glob("*/*/objects/*.safetensors")]


def test_stacks_of_several_nodes_have_the_bits_of_one_process(
    runs: Path, cluster: RayCluster, tmp_path: Path
) -> None:
    joined = cluster.join()
    setup = make_worker_setup(runs / "stacked", stack=2)
    script = subprocess.run(
        [sys.executable, "-c", STACKS, setup.model_dump_json(), cluster.address],
        env={**cluster.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-2000:]
    here = make_worker_setup(tmp_path / "here", stack=2)
    outcomes = InlineEngine(here).run(members(), lambda: False)
    expected = [one.result.checkpoint for one in outcomes if isinstance(one.result, TrainingResult)]
    assert script.stdout.split() == expected
    # Its own stack was made there, in a folder of its own.
    assert len([*cluster.scratch(joined).glob("*/*/partial/*.outcome.json")]) == 2
