"""A writer of the metrics store that is killed."""

import signal
import subprocess
import sys
from pathlib import Path

from state.metrics_store import MetricsStore

KILLED = """
import os, signal, sys
from state import durable
from state.metrics_store import MetricsStore

def kill(operation, path):
    if operation == "database commit" and len(store.events("run")) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

store = MetricsStore.open(sys.argv[1], writer=True)
with durable.intercepted(kill):
    for index in range(100):
        store.record_event("run", index, "tick", {})
"""


def test_a_killed_writer_loses_only_the_transaction_it_was_in(database: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", KILLED, str(database), "7"]
    done = subprocess.run(command, cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert database.with_name("metrics.db-wal").stat().st_size > 0
    with MetricsStore.open(database, writer=False) as reader:
        assert [event.index for event in reader.events("run")] == [0, 1, 2, 3, 4, 5, 6]
    with MetricsStore.open(database, writer=True) as store:
        store.record_event("run", 7, "tick", {})
        assert len(store.events("run")) == 8
