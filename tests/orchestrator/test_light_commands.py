"""Commands load what they need and no more, above all those that only refuse."""

import subprocess
import sys
from pathlib import Path

from state.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
SLOW = "torch ray optuna matplotlib pandas pyarrow transformers google"
NEEDED_BY_NO_REFUSAL = f"{SLOW} sqlalchemy alembic numpy scipy tokenizers"

REFUSALS = """
--version
help train
--data nothing.txt
--data nothing.txt --json
--budget 3
--resume nothing
train --data nothing.txt
resume nothing
status nothing
pause nothing
stop nothing
verify nothing
"""
OTHERS = """
models
completion bash
plan --data nothing.txt
report nothing
compare nothing nowhere
watch nothing
sample nothing
chat nothing
battery nothing
diagnose nothing
export nothing --to nowhere
fork nothing --at cambrian
"""

ALL_IN_TURN = """
import sys
from orchestrator.cli import main
for line in sys.argv[2].splitlines():
    try:
        code = main(line.split())
    except SystemExit as leaving:
        code = leaving.code
    found = sorted(set(sys.argv[1].split()) & set(sys.modules))
    print("ended", code, *found, file=sys.stderr)
"""
ONE_STEP = """
import sys
from pathlib import Path
from tests.task_builders import make_training_task, make_worker_setup
from trainer.execution import TaskExecutor
setup = make_worker_setup(Path(sys.argv[1]) / "run")
TaskExecutor(setup).execute(make_training_task(steps=1))
print(*sorted({"torch._dynamo", "torch._inductor", "sympy", "ray"} & set(sys.modules)))
"""


def ran(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


def loaded(modules: str, commands: str) -> dict[str, list[str]]:
    """Of each command its exit code, and which of the modules are loaded when it has ended."""
    lines = ran(ALL_IN_TURN, modules, commands.strip()).stderr.splitlines()
    ended = [line.split()[1:] for line in lines if line.startswith("ended ")]
    return dict(zip(commands.strip().splitlines(), ended, strict=True))


def test_help_and_refusals_load_nothing_slow() -> None:
    found = loaded(NEEDED_BY_NO_REFUSAL, REFUSALS)
    assert found == {line: ["2" if "nothing" in line or "3" in line else "0"] for line in found}


def test_commands_without_a_model_load_neither_torch_nor_ray() -> None:
    found = loaded(SLOW, OTHERS)
    assert found == {line: ["2" if "nothing" in line else "0"] for line in found}


def test_the_status_of_a_run_loads_neither_torch_nor_ray(trained: RunFolder) -> None:
    command = f"status {trained.root}"
    assert loaded(SLOW, command) == {command: ["0"]}


def test_what_trains_loads_no_compiler_of_torch(tmp_path: Path) -> None:
    assert ran(ONE_STEP, str(tmp_path)).stdout.split() == []
